//! What a record's values look like, type by type, so that a slip is named before Route 53 hears of it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The most characters of one string of a TXT record. Source: Route 53, "Supported DNS record types".
const TXT_STRING: usize = 255;

/// What is wrong with a value, and what would be right.
pub(super) fn check(r#type: &str, value: &str) -> Result<(), String> {
    let right = |example: &str| {
        format!(
            "`{value}` is no value of {} {type} record, such as {example}",
            article(r#type)
        )
    };
    let fields: Vec<&str> = value.split_whitespace().collect();
    match (r#type, fields.as_slice()) {
        ("A", _) if value.parse::<Ipv4Addr>().is_err() => Err(right("192.0.2.1")),
        ("AAAA", _) if value.parse::<Ipv6Addr>().is_err() => Err(right("2001:db8::1")),
        ("CNAME" | "NS" | "PTR", [host]) if is_host(host) => Ok(()),
        ("CNAME" | "NS" | "PTR", _) => Err(right("host.example.com")),
        ("TXT" | "SPF", _) => text(value),
        ("MX", [priority, host]) if is_number(priority) && is_host(host) => Ok(()),
        ("MX", _) => Err(right("10 mail.example.com (priority, host)")),
        ("SRV", [priority, weight, port, host])
            if [priority, weight, port].into_iter().all(|n| is_number(n)) && is_host(host) =>
        {
            Ok(())
        }
        ("SRV", _) => Err(right("1 10 5269 sip.example.com (priority, weight, port, host)")),
        ("CAA", [flags, tag, ..]) if flags.parse::<u8>().is_ok() && is_tag(tag) && quoted_third(value) => Ok(()),
        ("CAA", _) => Err(right("0 issue \"ca.example.net\" (flags, tag, value in quotes)")),
        (_, []) => Err("a value is empty".to_owned()),
        _ => Ok(()),
    }
}

fn article(r#type: &str) -> &'static str {
    match r#type {
        "A" | "AAAA" | "MX" | "NS" | "SRV" => "an",
        _ => "a",
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// The root is a host too: `0 .` in MX says that there is no mail, `.` in SRV that there is no service.
fn is_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_*\\".contains(&b))
    };
    host.is_empty() || (host.len() <= 255 && host.split('.').all(label))
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether what follows the second field stands in quotes.
fn quoted_third(value: &str) -> bool {
    let third = value
        .trim()
        .splitn(3, char::is_whitespace)
        .nth(2)
        .unwrap_or_default()
        .trim();
    third.len() >= 2 && third.starts_with('"') && third.ends_with('"')
}

/// One or more strings in quotes, each short enough.
fn text(value: &str) -> Result<(), String> {
    let mut rest = value.trim();
    let mut strings = 0;
    while let Some(open) = rest.strip_prefix('"') {
        let (mut end, mut length, mut escaped) = (None, 0, false);
        for (at, c) in open.char_indices() {
            match c {
                '"' if !escaped => {
                    end = Some(at);
                    break;
                }
                '\\' if !escaped => escaped = true,
                _ => {
                    escaped = false;
                    length += 1;
                }
            }
        }
        let Some(end) = end else {
            return Err(format!("the TXT value {value} opens quotes that nothing closes"));
        };
        if length > TXT_STRING {
            return Err(format!(
                "a string of the TXT value has {length} characters, and {TXT_STRING} are allowed: split it into several, \"first part\" \"second part\""
            ));
        }
        strings += 1;
        rest = open.get(end + 1..).unwrap_or_default().trim_start();
    }
    if strings > 0 && rest.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "the TXT value {value} is not in quotes: \"\\\"v=spf1 -all\\\"\" in JSON"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_type_holds_passes() {
        let long = format!("\"{}\" \"{}\"", "x".repeat(255), "y".repeat(255));
        for (r#type, value) in [
            ("A", "192.0.2.1"),
            ("AAAA", "2001:db8::1"),
            ("CNAME", "acme.statuspage.example."),
            ("NS", "ns-1.awsdns-01.org"),
            ("PTR", "host.example.com"),
            ("TXT", "\"v=spf1 include:_spf.acme.example -all\""),
            ("TXT", "\"a \\\"quoted\\\" word\" \"more\""),
            ("TXT", &long),
            ("MX", "10 mx1.acme.example."),
            ("MX", "0 ."),
            ("SRV", "1 10 5269 _sip.acme.example"),
            ("CAA", "0 issue \"letsencrypt.org; validationmethods=dns-01\""),
            ("CAA", "128 iodef \"mailto:dns@acme.example\""),
            ("DS", "2371 13 2 1f987cc6583e92df0890718c42"),
            ("HTTPS", "1 . alpn=h2"),
        ] {
            assert_eq!(check(r#type, value), Ok(()), "{type} {value}");
        }
    }

    #[test]
    fn what_it_does_not_hold_is_named_with_what_would_be_right() {
        let long = format!("\"{}\"", "x".repeat(256));
        for (r#type, value, expected) in [
            ("A", "2001:db8::1", "such as 192.0.2.1"),
            ("A", "lb.example.com", "an A record"),
            ("AAAA", "192.0.2.1", "such as 2001:db8::1"),
            ("CNAME", "https://x.example/", "host.example.com"),
            ("CNAME", "a b", "host.example.com"),
            ("TXT", "v=spf1 -all", "not in quotes"),
            ("TXT", "\"open", "nothing closes"),
            ("TXT", "\"one\" two", "not in quotes"),
            ("TXT", &long, "256 characters, and 255"),
            ("MX", "mx1.acme.example", "10 mail.example.com"),
            ("MX", "70000 mx1.acme.example", "priority"),
            ("SRV", "1 10 sip.example.com", "port"),
            ("CAA", "0 issue letsencrypt.org", "in quotes"),
            ("CAA", "300 issue \"x\"", "flags"),
            ("DS", " ", "empty"),
        ] {
            let said = check(r#type, value).unwrap_err();
            assert!(said.contains(expected), "{type} {value}: {said}");
        }
    }
}
