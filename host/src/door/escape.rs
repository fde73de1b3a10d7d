//! Escapers for the languages of the programs that words are given to. They can only escape: what
//! such a program makes of the escaped text is the text.

use super::form::Encoding;

/// `value` in the language of `encoding`. For a value of several words, [`sh_words`] joins.
pub(super) fn escape(encoding: Encoding, value: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Sh => sh_word(value),
        Encoding::TmuxFormat => tmux_format(value),
        Encoding::TmuxWord => tmux_word(value),
        Encoding::Strftime => strftime(value),
        Encoding::Regex => regex(value),
    }
}

/// Words as one POSIX shell text, each in single quotes.
///
/// All words are quoted, also the harmless ones: `if`, `a=b` and `~` mean something else to a shell
/// when they are not.
pub(super) fn sh_words(words: &[Vec<u8>]) -> Vec<u8> {
    words.iter().map(|word| sh_word(word)).collect::<Vec<_>>().join(&b' ')
}

fn sh_word(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 2);
    out.push(b'\'');
    for &byte in value {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            byte => out.push(byte),
        }
    }
    out.push(b'\'');
    out
}

/// Text in a tmux format: `##` gives `#`, but a run of `#` before `[` stays as it is, since there
/// it belongs to a style, which formats leave alone.
fn tmux_format(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.iter().position(|&byte| byte == b'#') {
        let (before, from) = rest.split_at(at);
        let run = from.iter().take_while(|&&byte| byte == b'#').count();
        let (hashes, after) = from.split_at(run);
        out.extend_from_slice(before);
        out.extend_from_slice(hashes);
        if after.first() != Some(&b'[') {
            out.extend_from_slice(hashes);
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// A word for tmux's command line, where a word that ends in `;` ends the command.
fn tmux_word(value: &[u8]) -> Vec<u8> {
    match value.split_last() {
        Some((b';', before)) => [before, b"\\;"].concat(),
        _ => value.to_vec(),
    }
}

/// Text in a strftime format.
fn strftime(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        if byte == b'%' {
            out.push(b'%');
        }
        out.push(byte);
    }
    out
}

/// Text in a regular expression. Bracket expressions mean the same in every dialect, where `\+` or
/// `\(` do not; only `^` and `\` need a backslash, which is also the same everywhere.
fn regex(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        match byte {
            b'^' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'.' | b'*' | b'+' | b'?' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'|' | b'$' => {
                out.extend_from_slice(&[b'[', byte, b']']);
            }
            byte => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests;
