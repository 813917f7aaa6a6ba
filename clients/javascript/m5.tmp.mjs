import {createRequire} from "node:module";
const req=createRequire(process.cwd()+"/x.js"); const {build,transform}=req("esbuild"); const {minify}=createRequire("/tmp/sz/")("terser");
import {rolldown} from "rolldown"; import {writeFileSync} from "node:fs";
import {gzipSync} from "node:zlib";
const gz=t=>gzipSync(t,{level:9}).length;
const b=async o=>(await build({entryPoints:["src/index.ts"],bundle:true,format:"esm",write:false,target:"es2020",mangleProps:/^_[a-z]/,...o})).outputFiles[0].text;
const raw=await b({}), syn=await b({minifySyntax:true});
const rd=async s=>{writeFileSync("/tmp/rd.in.js",s); const g=await (await rolldown({input:"/tmp/rd.in.js"})).generate({format:"esm",minify:true}); return g.output[0].code;};
const app=async s=>{writeFileSync("/tmp/lib.mjs",s); const contents='import {DealsClient,NotAuthorized} from "/tmp/lib.mjs"; window.a=o=>new DealsClient(o); window.b=NotAuthorized;'; 
 const e=(await build({stdin:{contents,resolveDir:"/tmp"},bundle:true,minify:true,format:"esm",write:false})).outputFiles[0].text;
 const e0=(await build({stdin:{contents,resolveDir:"/tmp"},bundle:true,format:"esm",write:false})).outputFiles[0].text;
 const t=(await minify(e0,{module:true,toplevel:true,compress:{passes:2}})).code; const r=await rd(e0);
 return `esbuild ${gz(e)} terser ${gz(t)} rolldown ${gz(r)}`;};
console.log("raw",await app(raw)); console.log("syn",await app(syn)); 
if(process.argv[2]) for(const [n,c] of Object.entries({a:{},rf:{reduce_funcs:false},rfi:{reduce_funcs:false,inline:0},rfc:{reduce_funcs:false,inline:0,collapse_vars:false},rfs:{reduce_funcs:false,inline:0,sequences:false}})){ const s=(await minify(raw,{module:true,toplevel:true,ecma:2020,compress:{passes:4,unsafe_arrows:true,unsafe_methods:true,pure_getters:true,...c},mangle:true})).code; console.log(n,await app(s)); }
