import {createRequire} from "node:module";
const req=createRequire(process.cwd()+"/x.js"); const {build}=req("esbuild"); const {minify}=createRequire("/tmp/sz/")("terser");
import {gzipSync} from "node:zlib";
const gz=t=>gzipSync(t,{level:9}).length;
const entry={contents:'import {DealsClient,NotAuthorized} from "./src/index.ts"; window.a=o=>new DealsClient(o); window.b=NotAuthorized;',resolveDir:process.cwd()};
const ts=async t=>(await minify(t,{module:true,toplevel:true,ecma:2020,compress:{passes:4,unsafe_arrows:true,unsafe_methods:true,pure_getters:true,hoist_props:true},mangle:true})).code;
for (const [label,o] of [["all",{entryPoints:["src/index.ts"]}],["app",{stdin:entry}]]) {
 const r=await build({bundle:true,minify:true,format:"esm",write:false,target:"es2020",mangleProps:/^_[a-z]/,metafile:true,...o});
 const t=r.outputFiles[0].text; const y=await ts(t);
 console.log(label,t.length,gz(t),"terser",y.length,gz(y));
 if(label=="all"&&process.argv[2]){const ins=Object.values(r.metafile.outputs)[0].inputs; console.log(Object.entries(ins).map(([k,v])=>[v.bytesInOutput,k]).sort((a,b)=>b[0]-a[0]).map(x=>x.join(" ")).join("\n")); (await import("node:fs")).writeFileSync("/tmp/out.js",y);}
}
