//! Keeps the registry current: the file when it changes, the organization now and then, both on demand. The last good one stays.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};

use crate::config::{AccountVariables, AwsConfig, ConfigError};

use super::{accounts::Account, organization, registry, resolve::Resolver, session::Aws};

/// When a failed listing of the organization is tried again.
const RETRY_LIST: Duration = Duration::from_secs(60);

/// What the registry is made of, and where it goes.
pub struct Refresher {
    config: AwsConfig,
    variables: AccountVariables,
    resolver: Resolver,
    organization: Vec<Account>,
    text: Option<String>,
}

impl Refresher {
    /// For the registry that `resolver` uses.
    pub fn new(config: AwsConfig, variables: AccountVariables, resolver: Resolver) -> Self {
        let text = registry::file_text(&config).ok().flatten();
        Self {
            config,
            variables,
            resolver,
            organization: Vec::new(),
            text,
        }
    }

    /// Reads everything again as the intervals say, or at once for each message of `now`. Ends with the process.
    pub async fn run(mut self, aws: Arc<Aws>, mut now: mpsc::Receiver<()>) {
        let ticks = |every: Option<Duration>, first: Duration| {
            // A lifted interval never comes round; an hour's ticks that do nothing cost nothing.
            let every = every.unwrap_or(Duration::from_secs(3600));
            let mut ticks = interval_at(Instant::now() + first, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let file_every = self.config.registry_refresh.get();
        let list_every = self.config.organizations_refresh.get();
        let mut file = ticks(file_every, file_every.unwrap_or(Duration::from_secs(3600)));
        let mut list = ticks(list_every, Duration::ZERO);
        let mut first = true;
        loop {
            tokio::select! {
                asked = now.recv() => match asked {
                    Some(()) => {
                        self.reread(true);
                        self.relist(&aws).await;
                    }
                    None => return,
                },
                _ = file.tick(), if file_every.is_some() => self.reread(false),
                _ = list.tick(), if list_every.is_some() || first => {
                    first = false;
                    // A server that starts before its network must not be without its accounts until the next interval.
                    if !self.relist(&aws).await && list_every.is_none_or(|every| every > RETRY_LIST) {
                        first = true;
                        list.reset_after(RETRY_LIST);
                    }
                }
            }
        }
    }

    /// Reads the file again if it changed, or if `always`.
    pub fn reread(&mut self, always: bool) {
        match registry::file_text(&self.config) {
            Ok(text) if always || text != self.text => {
                // Remembered even if it is wrong, so that a broken version is told once and not at every look.
                self.text = text;
                self.assemble("ACCOUNT_REGISTRY");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the registry can't be read; the one in force stays"),
        }
    }

    /// Lists the organization again; `false` if that failed.
    async fn relist(&mut self, aws: &Aws) -> bool {
        let Some(through) = self.config.organizations_account.clone() else {
            return true;
        };
        match organization::list(aws, &self.resolver, &through).await {
            Ok(accounts) => {
                if accounts != self.organization {
                    self.organization = accounts;
                    self.assemble("AWS Organizations");
                }
                true
            }
            Err(error) => {
                let hint = error.hint();
                tracing::error!(%error, hint, "the organization's accounts can't be listed; those in force stay");
                false
            }
        }
    }

    fn assemble(&self, source: &str) {
        match self.try_assemble() {
            Ok(count) => tracing::info!(source, accounts = count, "the registry was read again"),
            Err(error) => tracing::error!(source, %error, "the new registry is wrong; the one in force stays"),
        }
    }

    fn try_assemble(&self) -> Result<usize, ConfigError> {
        let accounts = registry::assemble(&self.config, &self.variables, &self.organization)?;
        let count = accounts.all().count();
        self.resolver.replace(accounts);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_read_and_a_broken_one_leaves_the_old_in_force() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |text: &str| std::fs::write(file.path(), text).unwrap();
        write(r#"[{"name": "a", "id": "222222222222"}]"#);
        let config = AwsConfig::for_tests(&["--account-registry", file.path().to_str().unwrap()]);
        let accounts = registry::load(&config, &AccountVariables::default()).unwrap();
        let resolver = Resolver::new(Arc::new(accounts), None, true);
        let mut refresher = Refresher::new(config, AccountVariables::default(), resolver.clone());
        let names = || resolver.accounts().all().map(|a| a.name.clone()).collect::<Vec<_>>();
        write(r#"[{"name": "a", "id": "222222222222"}, {"name": "b", "id": "333333333333"}]"#);
        assert_eq!(names(), ["a"]);
        refresher.reread(false);
        assert_eq!(names(), ["a", "b"]);
        for broken in ["[{", r#"[{"name": "c"}]"#, r#"[{"name": "c", "id": "1"}]"#] {
            write(broken);
            refresher.reread(false);
            assert_eq!(names(), ["a", "b"], "{broken}");
        }
        std::fs::remove_file(file.path()).unwrap();
        refresher.reread(false);
        assert_eq!(names(), ["a", "b"]);
    }

    #[test]
    fn the_registry_wins_over_the_organization_and_names_stay_unique() {
        let json = r#"[{"name": "prod", "id": "222222222222", "environment": "production"}, {"name": "lab", "id": "333333333333"}]"#;
        let config = AwsConfig::for_tests(&["--account-registry", json]);
        let account = |name: &str, id: &str| Account {
            name: name.to_owned(),
            ..registry::parse(&format!(r#"[{{"name": "x", "id": "{id}"}}]"#))
                .unwrap()
                .all()
                .next()
                .map(|a| (**a).clone())
                .unwrap()
        };
        let organization = [
            account("production", "222222222222"),
            account("lab", "444444444444"),
            account("new", "555555555555"),
        ];
        let accounts = registry::assemble(&config, &AccountVariables::default(), &organization).unwrap();
        let all: Vec<String> = accounts
            .all()
            .map(|a| format!("{}={}", a.name, a.id.as_ref().unwrap()))
            .collect();
        assert_eq!(
            all,
            [
                "prod=222222222222",
                "lab=333333333333",
                "lab-444444444444=444444444444",
                "new=555555555555"
            ]
        );
        assert_eq!(
            accounts.find("production").unwrap().name,
            "prod",
            "the organization's name still works"
        );
    }
}
