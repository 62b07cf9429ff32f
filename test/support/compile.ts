import { join } from "node:path";
import ts from "typescript";
import type { CodeBlock } from "./code-blocks.ts";
import { root } from "./documents.ts";

/** What the compiler says, each with the place of the block that it is about. */
export function problemsIn(files: ReadonlyMap<string, CodeBlock>): readonly string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  const program = ts.createProgram([...files.keys()], { ...options, noEmit: true });
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const place = (file && files.get(file.fileName))?.place ?? file?.fileName ?? "";
    return `${place}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}
