//! Server-sent events as AgentCore sends them: what counts is each event's data, and of that, what is JSON.

use super::fault::Fault;

/// The data of events, put together from the pieces of a body.
#[derive(Debug)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Vec<String>,
    bytes: usize,
    limit: usize,
}

impl Events {
    /// Of at most `limit` bytes each.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    /// The messages that end in this piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<String>, Fault> {
        let mut messages = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.bytes += part.len();
            if self.bytes > self.limit {
                return Err(Fault::body(&format!("an event has more than {} bytes", self.limit)));
            }
            self.line.extend_from_slice(part);
            if self.line.ends_with(b"\n") {
                messages.extend(self.end_line());
            }
        }
        Ok(messages)
    }

    /// The message that the body's end ends.
    pub(super) fn finish(&mut self) -> Option<String> {
        let ended = self.end_line();
        ended.or_else(|| self.end_event())
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return self.end_event();
        }
        if let Some(data) = line.strip_prefix("data:") {
            self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
        }
        None
    }

    fn end_event(&mut self) -> Option<String> {
        self.bytes = 0;
        let data = std::mem::take(&mut self.data);
        if data.iter().all(String::is_empty) {
            return None;
        }
        // The standard puts a newline between them, and some senders cut within a word instead.
        let message = ["\n", ""].iter().find_map(|between| on_one_line(&data.join(between)));
        if message.is_none() {
            tracing::warn!(lines = data.len(), "an event's data is no JSON and was left out");
        }
        message
    }
}

/// JSON on one line, `None` if it is none. Newlines in JSON stand between its words only, where a space means the same.
pub(super) fn on_one_line(json: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(json).ok()?;
    Some(json.trim().replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(body: &str, piece: usize) -> Vec<String> {
        let mut events = Events::new(1 << 20);
        let mut messages = Vec::new();
        for piece in body.as_bytes().chunks(piece) {
            messages.extend(events.push(piece).unwrap());
        }
        messages.extend(events.finish());
        messages
    }

    #[test]
    fn data_lines_are_joined_and_only_json_is_passed_on_wherever_the_pieces_are_cut() {
        let body = ": comment\n\nid: 1\nevent: message\ndata: {\ndata:   \"a\": \"ü\"\r\ndata: }\r\n\r\n\
                    data: {\"cut\": \"in a wo\ndata:rd\"}\n\ndata: no json\n\ndata:\n\nretry: 5\n\ndata: {\"last\": 1}";
        for piece in [1, 2, 7, 4096] {
            assert_eq!(
                all(body, piece),
                ["{   \"a\": \"ü\" }", "{\"cut\": \"in a word\"}", "{\"last\": 1}"],
                "{piece}"
            );
        }
    }

    #[test]
    fn an_event_comes_as_soon_as_it_is_whole() {
        let mut events = Events::new(1 << 20);
        assert!(events.push(b"data: {}\n").unwrap().is_empty());
        assert_eq!(events.push(b"\n").unwrap(), ["{}"]);
        assert_eq!(events.finish(), None);
    }

    #[test]
    fn an_event_is_bounded_and_a_stream_is_not() {
        let mut events = Events::new(16);
        for _ in 0..100 {
            assert_eq!(events.push(b"data: {}\n\n").unwrap(), ["{}"]);
        }
        assert!(events.push(b"data: 1234567890123").is_err());
    }
}
