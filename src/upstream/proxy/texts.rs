//! What a tool call's failure is to the model: the words of mcp-proxy-for-aws, with the cause where it had none.

use rmcp::model::{CallToolResult, ContentBlock};

use super::Trouble;

/// A tool's error with this text.
pub fn tool_error(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text.into())])
}

/// A call's failure.
pub fn failed(tool: &str, trouble: &Trouble) -> CallToolResult {
    let tool = quoted(tool);
    let why = trouble.to_string();
    let why = why.trim_end_matches('.');
    tool_error(if trouble.is_credentials() {
        format!(
            "Tool call {tool} failed due to expired or invalid AWS credentials. Please refresh your credentials and retry. \
             The proxy will automatically use the new credentials on the next request. ({why})"
        )
    } else {
        format!("Tool call {tool} failed: {why}. Please retry.")
    })
}

/// A call's failure over the connection of another profile.
pub fn failed_with_profile(tool: &str, profile: &str, connected: bool, trouble: &Trouble) -> CallToolResult {
    if trouble.is_credentials() {
        return failed(tool, trouble);
    }
    let profile = quoted(profile);
    let what = if connected {
        format!(
            "Tool call failed using profile {profile}. The request could not be completed with the specified profile."
        )
    } else {
        format!(
            "Failed to create connection for profile {profile}. \
             Check that the profile is configured and credentials are valid."
        )
    };
    tool_error(format!(
        "Tool call {} failed: {what} ({trouble}). Please retry.",
        quoted(tool)
    ))
}

/// A call that names a profile it may not name.
pub fn unknown_profile(named: &serde_json::Value, allowed: &[String]) -> CallToolResult {
    let named = named.as_str().map_or_else(|| named.to_string(), quoted);
    let mut allowed = allowed.to_vec();
    allowed.sort();
    tool_error(format!(
        "Profile {named} is not in the allowed list. Allowed profiles: {}",
        allowed.join(", ")
    ))
}

/// A call of a tool that may change something.
pub fn not_read_only(tool: &str) -> CallToolResult {
    tool_error(format!("Tool {} is not available in read-only mode.", quoted(tool)))
}

/// As Python's `repr` shows a text.
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            c if c == quote => shown.extend(['\\', c]),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn texts_are_quoted_as_python_does() {
        assert_eq!(quoted("aws___x"), "'aws___x'");
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted("a'b\"c\n\\"), "'a\\'b\"c\\n\\\\'");
    }
}
