// Prints what the first import of a module costs this process: node import-cost.mjs SPECIFIER
const { rss } = process.memoryUsage();
const before = performance.now();
await import(process.argv[2]);
const milliseconds = performance.now() - before;
console.log(JSON.stringify({ milliseconds, mebibytes: (process.memoryUsage().rss - rss) / 2 ** 20 }));
