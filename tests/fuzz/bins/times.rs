#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kst_fuzz::session::follow::targets::times(data);
});
