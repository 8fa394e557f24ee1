//! AWS regions, as a closed list: a region becomes part of a host name, so nothing else may pass.

use std::{fmt, str::FromStr};

/// An AWS region that exists. Source: the SDK's endpoint partitions (aws, aws-cn, aws-us-gov).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(&'static str);

/// Every region that is accepted, in the order in which they are listed to a person.
const REGIONS: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "ca-west-1",
    "mx-central-1",
    "sa-east-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "af-south-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "us-gov-east-1",
    "us-gov-west-1",
    "cn-north-1",
    "cn-northwest-1",
];

impl Region {
    /// What is used where nobody names a region, as AWS's own tools do for global services.
    pub const DEFAULT: Self = Self("us-east-1");

    /// The name, such as `eu-west-1`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Every region that is accepted.
    pub fn all() -> impl Iterator<Item = Self> {
        REGIONS.iter().copied().map(Self)
    }

    /// The partition that the region's ARNs carry: `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(self) -> &'static str {
        if self.0.starts_with("cn-") {
            "aws-cn"
        } else if self.0.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all().find(|r| r.0 == text).ok_or_else(|| {
            let near = super::value::nearest(text, REGIONS.iter().copied());
            match near {
                Some(near) => format!("no such AWS region; did you mean `{near}`?"),
                None => "no such AWS region; expected one such as us-east-1 or eu-west-1".to_owned(),
            }
        })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_regions_pass() {
        assert_eq!("eu-west-1".parse::<Region>().unwrap().as_str(), "eu-west-1");
        assert_eq!("cn-north-1".parse::<Region>().unwrap().partition(), "aws-cn");
        for wrong in [
            "us-east-1.evil/#",
            "us-east-1\n",
            "US-EAST-1",
            "",
            "us-east-11",
            "localhost",
        ] {
            assert!(wrong.parse::<Region>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_typo_is_told_the_nearest() {
        assert!("us-esat-1".parse::<Region>().unwrap_err().contains("us-east-1"));
    }
}
