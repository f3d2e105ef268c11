// Zstandard for the Node.js clients: that of Node.js, or for versions that have none yet (before 22.15) one compiled to WebAssembly, put in
// its place, so that a client which takes it from Node.js finds it.

import zlib from 'node:zlib';
import { compress, decompress, init } from '@bokuweb/zstd-wasm';

if (!zlib.zstdCompressSync) {
  await init();
  zlib.zstdCompressSync = (data) => Buffer.from(compress(data));
  zlib.zstdDecompressSync = (data) => Buffer.from(decompress(data));
}

export const zstdCompress = (data) => zlib.zstdCompressSync(data);
export const zstdDecompress = (data) => zlib.zstdDecompressSync(data);
