//! What ~/.aws says of a profile beside its keys.

use aws_config::profile::{ProfileSet, load};
use aws_types::os_shim_internal::{Env, Fs};

/// The region that a profile names. `None` is the profile in force, which need not exist.
///
/// # Errors
/// A file that can't be read, or a profile that is not there; in the words of mcp-proxy-for-aws.
pub async fn region(profile: Option<String>) -> Result<Option<String>, String> {
    region_in(&Fs::real(), &Env::real(), profile).await
}

async fn region_in(fs: &Fs, env: &Env, profile: Option<String>) -> Result<Option<String>, String> {
    let shown = profile.clone().unwrap_or_else(|| "default".to_owned());
    let failed = |why: String| format!("Failed to create AWS session with profile '{shown}': {why}");
    let named = profile.clone().map(Into::into);
    let all: ProfileSet = load(fs, env, &Default::default(), named)
        .await
        .map_err(|error| failed(super::error::causes(&error)))?;
    if let Some(name) = &profile
        && all.get_profile(name).is_none()
    {
        let mut names: Vec<_> = all.profiles().collect();
        names.sort_unstable();
        let there = if names.is_empty() {
            "~/.aws has none".to_owned()
        } else {
            format!("~/.aws has {}", names.join(", "))
        };
        return Err(failed(format!(
            "The config profile ({name}) could not be found; {there}"
        )));
    }
    Ok(all.get("region").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_profile_names_its_region_or_is_missing() {
        let env = Env::from_slice(&[("HOME", "/home/me")]);
        let config = "[default]\nregion = eu-west-1\n[profile b]\nregion = us-west-2\n[profile c]\n";
        let fs = Fs::from_slice(&[("/home/me/.aws/config", config)]);
        let of = async |name: Option<&str>| region_in(&fs, &env, name.map(str::to_owned)).await;
        assert_eq!(of(None).await, Ok(Some("eu-west-1".to_owned())));
        assert_eq!(of(Some("b")).await, Ok(Some("us-west-2".to_owned())));
        assert_eq!(of(Some("c")).await, Ok(None));
        assert_eq!(
            of(Some("d")).await.unwrap_err(),
            "Failed to create AWS session with profile 'd': The config profile (d) could not be found; ~/.aws has b, c, default"
        );
        let nothing = Fs::from_slice(&[]);
        assert_eq!(region_in(&nothing, &env, None).await, Ok(None));
        assert!(
            region_in(&nothing, &env, Some("x".to_owned()))
                .await
                .unwrap_err()
                .contains("~/.aws has none")
        );
    }
}
