//! Tests on real files in temporary folders.
