//! What kind of failure AWS's answer is. AWS throttles and denies with varying statuses, so the code decides.

use http::StatusCode;

/// The kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// AWS asks for patience.
    Throttled,
    /// The identity may not.
    AccessDenied,
    /// There is no such thing.
    NotFound,
    /// What it is asked for does not fit the state that it is in.
    Conflict,
    /// What was asked for is wrong in itself.
    Invalid,
    /// Anything else.
    Other,
}

impl Fault {
    /// The kind of an error's code and HTTP status.
    pub fn of(code: &str, status: u16) -> Self {
        const THROTTLED: [&str; 11] = [
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "SlowDown",
            "PriorRequestNotComplete",
            "RequestThrottled",
            "RequestThrottledException",
            "EC2ThrottledException",
            "BandwidthLimitExceeded",
        ];
        const DENIED: [&str; 6] = [
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "AllAccessDisabled",
            "NotAuthorized",
            "AccessDeniedForDependencyException",
        ];
        const CONFLICTING: [&str; 15] = [
            "IncorrectInstanceState",
            "IncorrectState",
            "DeleteConflict",
            "BucketAlreadyExists",
            "BucketAlreadyOwnedByYou",
            "BucketNotEmpty",
            "OperationAborted",
            "PreconditionFailed",
            "ResourceExistsException",
            "ResourceConflictException",
            "ConcurrentOperationException",
            "ClientTokenConflictException",
            "HostedZoneAlreadyExists",
            "HostedZoneNotEmpty",
            "ConflictingDomainExists",
        ];
        // Not InvalidRequestException: with it Secrets Manager says that a secret is in the wrong state.
        const INVALID: [&str; 24] = [
            "ValidationException",
            "ValidationError",
            "InvalidParameterException",
            "InvalidParameterValue",
            "InvalidParameterValueException",
            "InvalidParameterCombination",
            "InvalidParameterCombinationException",
            "MissingParameter",
            "MissingRequiredParameterException",
            "InvalidInput",
            "InvalidInputException",
            "InvalidArgument",
            "InvalidRange",
            "InvalidFormat",
            "InvalidBucketName",
            "InvalidDomainName",
            "InvalidNextToken",
            "InvalidNextTokenException",
            "InvalidPaginationToken",
            "InvalidTimeRangeException",
            "MalformedQueryException",
            "MalformedPolicy",
            "MalformedPolicyDocument",
            "MalformedPolicyDocumentException",
        ];
        if THROTTLED.contains(&code) || status == 429 || status == 503 {
            Self::Throttled
        } else if DENIED.contains(&code) || (code.is_empty() && status == 403) {
            Self::AccessDenied
        } else if code.starts_with("NoSuch")
            || code.ends_with("NotFoundException")
            || code.ends_with("NotFound")
            || status == 404
        {
            Self::NotFound
        } else if CONFLICTING.contains(&code)
            || code.starts_with("ConcurrentModification")
            || code == "AlreadyExistsException"
        {
            Self::Conflict
        } else if INVALID.contains(&code) {
            Self::Invalid
        } else {
            Self::Other
        }
    }

    /// The error code under which tools report it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid_input",
            Self::Other => "aws",
        }
    }
}

/// How an answer counts: `ok`, or a fault's name. `code` tells the error's code and is asked for errors alone.
pub fn outcome(status: u16, code: impl FnOnce() -> String) -> &'static str {
    match StatusCode::from_u16(status) {
        Ok(status) if !status.is_client_error() && !status.is_server_error() && !status.is_redirection() => "ok",
        // What has not changed is what was asked for.
        Ok(StatusCode::NOT_MODIFIED) => "ok",
        _ => match code().as_str() {
            // EC2 says so of what it would have done.
            "DryRunOperation" => "ok",
            code => Fault::of(code, status).as_str(),
        },
    }
}

/// The error's code in an answer: AWS's protocols put it into a header, into JSON or into XML.
pub fn code_of(header: Option<&str>, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json = || {
        let json: serde_json::Value = serde_json::from_str(&text).ok()?;
        let code = ["__type", "code", "Code"]
            .iter()
            .find_map(|key| json.get(key)?.as_str())?;
        Some(code.to_owned())
    };
    let xml = || {
        let after = text.split_once("<Code>")?.1;
        Some(after.split_once("</Code>")?.0.to_owned())
    };
    let code = header.map(str::to_owned).or_else(json).or_else(xml).unwrap_or_default();
    // `Type:http://…`, `Type;Sender` and `namespace#Type` are all in use.
    let bare = code.split([':', ';']).next().unwrap_or_default();
    bare.rsplit('#').next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_each_protocol_of_aws() {
        let json = br#"{"__type": "com.amazonaws.x#ThrottlingException", "message": "Rate exceeded"}"#;
        assert_eq!(code_of(None, json), "ThrottlingException");
        let xml = b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>";
        assert_eq!(code_of(None, xml), "Throttling");
        assert_eq!(code_of(Some("SlowDown:http://x"), b"{}"), "SlowDown");
        assert_eq!(code_of(Some("Throttling;Sender"), b"\xa0"), "Throttling");
        assert_eq!(code_of(None, b"\xff<html>"), "");
    }

    #[test]
    fn an_answer_counts_by_its_code_and_then_by_its_status() {
        let of = |status, code: &str| outcome(status, || code.to_owned());
        assert_eq!([of(200, ""), of(204, ""), of(304, "")], ["ok"; 3]);
        assert_eq!(of(412, "DryRunOperation"), "ok");
        assert_eq!(of(403, "UnauthorizedOperation"), "access_denied");
        assert_eq!(of(400, "InvalidInstanceID.NotFound"), "not_found");
        assert_eq!(of(400, "IncorrectInstanceState"), "conflict");
        for code in [
            "BucketAlreadyOwnedByYou",
            "ResourceExistsException",
            "ConcurrentModificationException",
            "HostedZoneNotEmpty",
            "AlreadyExistsException",
            "PreconditionFailed",
        ] {
            assert_eq!(of(400, code), "conflict", "{code}");
        }
        assert_eq!(
            [of(400, "NotAuthorized"), of(400, "AccessDeniedForDependencyException")],
            ["access_denied"; 2]
        );
        assert_eq!(of(400, "EC2ThrottledException"), "throttled");
        assert_eq!(of(400, "MalformedQueryException"), "invalid_input");
        assert_eq!(of(400, "InvalidRequestException"), "aws");
        assert_eq!(
            [of(400, "Throttling"), of(503, "SlowDown"), of(429, "")],
            ["throttled"; 3]
        );
        assert_eq!([of(400, "AccessDeniedException"), of(403, "")], ["access_denied"; 2]);
        assert_eq!([of(404, ""), of(400, "NoSuchHostedZone")], ["not_found"; 2]);
        assert_eq!([of(500, "InternalFailure"), of(301, "PermanentRedirect")], ["aws"; 2]);
    }
}
