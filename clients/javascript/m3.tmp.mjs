import {createRequire} from "node:module"; import {rolldown} from "rolldown"; import {gzipSync} from "node:zlib"; import {writeFileSync} from "node:fs";
const gz=t=>gzipSync(t,{level:9}).length;
const b=await rolldown({input:"/tmp/out.js"}); const {output}=await b.generate({format:"esm",minify:true}); console.log("rolldown", output[0].code.length, gz(output[0].code)); writeFileSync("/tmp/out.rd.js",output[0].code);
