//! Gives the shared library a name of its own, so that programs do not remember the path that they were linked with.

#[expect(clippy::disallowed_methods, reason = "Cargo tells build scripts their target so")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libltlm.dylib"),
        Ok("windows") | Err(_) => {}
        Ok(_) => println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libltlm.so"),
    }
}
