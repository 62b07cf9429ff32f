// Checks (or, with --local, rewrites) the public API report of every entry point: docs/api-report/<entry>.api.md
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const configPath = join(root, "api-extractor.json");
const rewrite = process.argv.includes("--local");
mkdirSync(join(root, "docs", "api-report"), { recursive: true });
mkdirSync(join(root, ".cache", "api-extractor"), { recursive: true });

for (const entry of ["index", "node", "redis", "mcp-sdk", "browser", "testing"]) {
  const base = ExtractorConfig.loadFile(configPath);
  const extractorConfig = ExtractorConfig.prepare({
    configObject: {
      ...base,
      mainEntryPointFilePath: join(root, "dist", `${entry}.d.ts`),
      apiReport: { ...base.apiReport, reportFileName: entry },
    },
    configObjectFullPath: configPath,
    packageJsonFullPath: join(root, "package.json"),
  });
  const report = `docs/api-report/${entry}.api.md`;
  const missing = !existsSync(join(root, report));
  const result = Extractor.invoke(extractorConfig, { localBuild: rewrite });
  if (!result.succeeded) process.exitCode = 1;
  if (result.apiReportChanged && !rewrite) {
    console.error(`${report} is ${missing ? "missing" : "out of date"}: run "npm run api:update" and commit it`);
    process.exitCode = 1;
  }
}
