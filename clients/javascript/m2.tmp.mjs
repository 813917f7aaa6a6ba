import {createRequire} from "node:module";
const req=createRequire(process.cwd()+"/x.js"); const {build,transform}=req("esbuild"); const {minify}=createRequire("/tmp/sz/")("terser");
import {gzipSync} from "node:zlib"; import {writeFileSync} from "node:fs";
const gz=t=>gzipSync(t,{level:9}).length;
const b=async o=>(await build({entryPoints:["src/index.ts"],bundle:true,format:"esm",write:false,target:"es2020",mangleProps:/^_[a-z]/,...o})).outputFiles[0].text;
const base={module:true,toplevel:true,ecma:2020,compress:{passes:4,unsafe_arrows:true,unsafe_methods:true,pure_getters:true},mangle:true};
const t=async(s,c={},more={})=>(await minify(s,{...base,...more,compress:{...base.compress,...c}})).code;
const min=await b({minify:true}), raw=await b({}), syn=await b({minifySyntax:true,minifyWhitespace:true});
console.log("esbuild",gz(min)); 
for(const [n,s] of [["min",min],["raw",raw],["syn",syn]]) { const y=await t(s); const re=(await transform(y,{minify:true,format:"esm"})).code; console.log(n,y.length,gz(y),"re-esbuild",re.length,gz(re)); }
for(const [n,c] of Object.entries({noseq:{sequences:false},nocond:{conditionals:false},noif:{if_return:false},nojoin:{join_vars:false},noinline:{inline:0},inline1:{inline:1},reduce0:{reduce_funcs:false,reduce_vars:true},unsafe:{unsafe:true},bool:{booleans_as_integers:true},unsafecomp:{unsafe_comps:true},nocollapse:{collapse_vars:false},hoist:{hoist_funs:true},nohoistprops:{hoist_props:false},keepf:{keep_fargs:false},noswitch:{switches:false},noarrows:{arrows:false},single:{reduce_funcs:false}})) { const y=await t(raw,c); const re=(await transform(y,{minify:true,format:"esm"})).code; console.log(n,y.length,gz(y),gz(re)); }
writeFileSync("/tmp/out.js",await t(raw));
