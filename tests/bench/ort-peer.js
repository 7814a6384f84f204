// SPDX-License-Identifier: BSD-2-Clause
// node ort-peer.js MODEL.onnx THREADS BATCH SECONDS: images per second of ONNX Runtime.
const ort = require('onnxruntime-node');
const [file, threads, batch, limit] = process.argv.slice(2);

(async () => {
    const session = await ort.InferenceSession.create(file, {
        intraOpNumThreads: +threads, interOpNumThreads: 1, graphOptimizationLevel: 'all',
    });
    const x = new ort.Tensor('float32', new Float32Array(batch * 96 * 96).fill(0.5), [+batch, 1, 96, 96]);
    const seconds = [];
    let begin;
    while (begin === undefined || seconds.length < 3 || performance.now() - begin < 1000 * limit) {
        const start = performance.now();
        await session.run({ x });
        if (begin === undefined) begin = performance.now();
        else seconds.push((performance.now() - start) / 1000);
    }
    seconds.sort((a, b) => a - b);
    console.log((batch / seconds[seconds.length >> 1]).toFixed(1));
})();
