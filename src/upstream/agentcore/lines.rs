//! Lines of standard input, none of them kept beyond what anybody should keep in memory.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    /// It has more bytes than are taken; it was read to its end and dropped.
    TooLong,
    NotUtf8,
}

/// The next line of at most `limit` bytes, or `None` at the end. A last line needs no newline.
pub(super) async fn next(input: &mut (impl AsyncBufRead + Unpin), limit: usize) -> io::Result<Option<Line>> {
    let (mut line, mut any, mut too_long) = (Vec::new(), false, false);
    loop {
        let piece = input.fill_buf().await?;
        if piece.is_empty() {
            break;
        }
        any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        too_long |= line.len() + taken.len() > limit;
        if too_long {
            line = Vec::new();
        } else {
            line.extend_from_slice(taken);
        }
        let used = end.map_or(piece.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(match (any, too_long) {
        (false, _) => None,
        (true, true) => Some(Line::TooLong),
        (true, false) => Some(String::from_utf8(line).map_or(Line::NotUtf8, Line::Text)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_and_foreign_lines_are_told_apart_and_the_next_is_whole() {
        let text: &[u8] = b"one\r\n\nfour\xff\n12345678\n123456789\nlast";
        // Small pieces, so that lines are spread over several.
        let mut input = tokio::io::BufReader::with_capacity(3, text);
        let mut lines = Vec::new();
        while let Some(line) = next(&mut input, 8).await.unwrap() {
            lines.push(line);
        }
        let text = |text: &str| Line::Text(text.to_owned());
        let expected = [
            text("one\r"),
            text(""),
            Line::NotUtf8,
            text("12345678"),
            Line::TooLong,
            text("last"),
        ];
        assert_eq!(lines, expected);
    }
}
