//! The header and the C# declarations of the client's C interface, made of its source.

use std::path::Path;

use cbindgen::{Builder, Config, Language, Style};

/// What a user of the header has to know for all of its functions.
const INTRODUCTION: &str = "\
/*
 * LTLM for applications: licenses, seats, tokens and offline use.
 * Made of the library's source by `cargo xtask docs`: changes here are lost. docs/clients/c.md tells how to use it.
 *
 * Functions answer one of `ltlm_code`; `ltlm_last_error` tells more. Texts are UTF-8 and end with a NUL; they are read before a function
 * returns and never kept. Texts that are written are the caller's, who frees them with `ltlm_string_free`. On failure null or 0 is
 * written. Where the answer of a call is not wanted, `out_json` may be null. A pointer that is not null must lead to what its type says.
 *
 * A client is a number: one that was freed is an error, not a crash. Every function may be called from any thread, and calls of
 * one client run at once. A call that waits ends within `timeout_ms`, 1 to 300,000; 0 or less stands for `timeoutMs` of the
 * configuration. After a fork, `LTLM_FORKED` is answered for the parent's clients, and new ones work.
 *
 * Data are JSON. Pass over members that you do not know: later versions have more.
 */";

/// The header, `include/ltlm.h`.
pub fn header(root: &Path) -> Result<String, String> {
    let mut config = Config {
        language: Language::C,
        style: Style::Both,
        cpp_compat: true,
        documentation: true,
        header: Some(INTRODUCTION.to_owned()),
        include_guard: Some("LTLM_H".to_owned()),
        line_length: 110,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"].map(str::to_owned).into(),
        ..Config::default()
    };
    // No function names them: they are numbers there, so that later versions may have more of them.
    config.export.include = ["ltlm_code", "ltlm_status_code", "ltlm_reason_code"].map(str::to_owned).into();
    let builder = Builder::new().with_config(config);
    let builder = sources(root).into_iter().fold(builder, |builder, path| builder.with_src(path));
    let made = builder.generate().map_err(|error| format!("The header cannot be made: {error}."))?;
    let mut header = Vec::new();
    made.write(&mut header);
    String::from_utf8(header).map_err(|error| error.to_string())
}

/// The C# declarations, `Runtime/NativeMethods.g.cs`.
pub fn csharp(root: &Path) -> Result<String, String> {
    let builder = csbindgen::Builder::default()
        .csharp_dll_name("ltlm")
        .csharp_dll_name_if("UNITY_IOS && !UNITY_EDITOR", "__Internal")
        .csharp_namespace("LTLM.Native")
        .csharp_class_name("NativeMethods")
        .csharp_use_function_pointer(false);
    let builder = sources(root).into_iter().fold(builder, |builder, path| builder.input_extern_file(path));
    // It writes files only. Several tests may make one at once.
    let made = std::env::temp_dir().join(format!("ltlm-bindings-{}.cs", std::process::id()));
    builder.generate_csharp_file(&made).map_err(|error| format!("The C# declarations cannot be made: {error}."))?;
    let text = std::fs::read_to_string(&made).map_err(|error| format!("{}: {error}.", made.display()))?;
    let _ = std::fs::remove_file(&made);
    // A word of C# 9, which Mono's compiler and older ones of Unity do not know.
    Ok(text.replace("nuint", "UIntPtr"))
}

fn sources(root: &Path) -> [std::path::PathBuf; 3] {
    ["code", "listener", "api"].map(|module| root.join(format!("clients/c/src/{module}.rs")))
}
