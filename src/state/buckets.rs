//! Token buckets that all replicas draw from, by the store's own clock.

use std::time::Duration;

use redis::Script;

use super::{State, Unavailable, hashed};
use crate::config::http::Rate;

/// For each bucket: when it is full again, in microseconds. Either every bucket gives a place, or none does.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local which, longest, full = 0, 0, {}
local empty = ARGV[2 * #KEYS + 1] == '1'
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local at = tonumber(redis.call('GET', key) or now)
  if at < now then at = now end
  -- Further off it can only be because the clock was set back, and that must make nobody wait long.
  if at > now + interval * burst then at = now + interval * burst end
  if empty then at = now + interval * burst end
  local wait = at + interval - now - interval * burst
  if wait > longest then which, longest = i, wait end
  full[i] = at + interval
end
if which == 0 or empty then
  for i, key in ipairs(KEYS) do
    if empty then full[i] = full[i] - tonumber(ARGV[2 * i - 1]) end
    redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000) + 1000)
  end
end
return {which, math.ceil(longest)}
";

/// A bucket that was empty: its place in what was asked for, and for how long.
pub type Empty = (usize, Duration);

pub(super) fn script() -> Script {
    Script::new(SCRIPT)
}

impl State {
    /// Takes a place in each of these buckets of a caller, or in none. `emptied` empties them first: what was given without asking, while
    /// they could not be asked, they would else give once more.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn take(
        &self,
        caller: &str,
        buckets: &[(&str, Rate)],
        emptied: bool,
    ) -> Result<Option<Empty>, Unavailable> {
        if buckets.is_empty() {
            return Ok(None);
        }
        // In braces, so that a cluster keeps a caller's buckets in one place.
        let caller = hashed("caller", caller);
        let mut call = self.bucket.prepare_invoke();
        for (name, rate) in buckets {
            call.key(self.key("rate", &format!("{{{caller}}}:{name}")));
            call.arg(u64::try_from(rate.interval.as_micros()).unwrap_or(u64::MAX).max(1));
            call.arg(rate.burst);
        }
        call.arg(u8::from(emptied));
        let (which, micros): (usize, u64) = self.ask(async |connection| call.invoke_async(connection).await).await?;
        Ok(which.checked_sub(1).map(|at| (at, Duration::from_micros(micros))))
    }
}
