//! The runner world as the binding generator writes it.
#![allow(missing_docs)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "runner",
    pub_export_macro: true,
    export_macro_name: "export_runner",
    default_bindings_module: "kst_plugin::bindings",
    additional_derives: [PartialEq],
});
