import {createRequire} from "node:module";
const req=createRequire(process.cwd()+"/x.js"); const {build}=req("esbuild"); const {minify}=createRequire("/tmp/sz/")("terser");
import {gzipSync} from "node:zlib"; const gz=t=>gzipSync(t,{level:9}).length;
const t=(await build({entryPoints:["src/index.ts"],bundle:true,format:"esm",write:false,target:"es2020",mangleProps:/^_[a-z]/})).outputFiles[0].text;
const y=(await minify(t,{module:true,ecma:2020,compress:{passes:3,reduce_funcs:false},mangle:true,format:{comments:/^ src/}})).code;
const parts=t.split(/^\/\/ src\//m); const mods=[]; for(const p of parts.slice(1)){const i=p.indexOf("\n"); mods.push([p.slice(0,i),p.slice(i+1)]);}
const min=await Promise.all(mods.map(async([n,c])=>[n,(await minify(c,{ecma:2020,compress:{passes:2,toplevel:false,unused:false},mangle:{toplevel:false}})).code]));
const all=min.map(x=>x[1]).join(""); console.log(all.length,gz(all)); for(const [n,c] of min) console.log(n,c.length,gz(all)-gz(min.filter(x=>x[0]!=n).map(x=>x[1]).join("")));
for (const k of ["topics.ts","session.ts","core.ts","subscription.ts"]) console.log("\n== "+k+"\n"+min.find(x=>x[0]==k)[1]);
