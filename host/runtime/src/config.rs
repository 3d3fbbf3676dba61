//! How a runtime is set up: the five settings, and their environment variables.

use crate::error::ConfigError;
use solana_commitment_config::CommitmentConfig;
use std::str::FromStr;

/// The settings of a runtime.
#[derive(Clone, Debug, PartialEq)]
pub struct RuntimeConfig {
    /// The cluster; `local` is the embedded chain. `VALENCE_RPC_URL`.
    pub rpc_url: String,
    /// Its WebSocket; the embedded chain has none and takes no notice of it. `VALENCE_WS_URL`.
    pub ws_url: String,
    /// How settled what is read must be; on the embedded chain everything is final at once. `VALENCE_COMMITMENT`.
    pub commitment: CommitmentConfig,
    /// How often the host tries a step whose flow leaves that to the host. `VALENCE_MAX_RETRIES`.
    pub max_retries: u32,
    /// Whether transactions are simulated when a Rust program builds them. What a flow emits always is.
    /// `VALENCE_ENABLE_SIMULATION`.
    pub enable_simulation: bool,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        RuntimeConfig {
            rpc_url: "local".to_owned(),
            ws_url: String::new(),
            commitment: CommitmentConfig::confirmed(),
            max_retries: 3,
            enable_simulation: true,
        }
    }
}

impl RuntimeConfig {
    /// The defaults, overridden by the `VALENCE_*` variables that are set.
    ///
    /// # Errors
    /// [`ConfigError::BadVariable`] for one that does not parse.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables.
    ///
    /// # Errors
    /// [`ConfigError::BadVariable`] for one that does not parse.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let defaults = RuntimeConfig::default();
        Ok(RuntimeConfig {
            rpc_url: get("VALENCE_RPC_URL").unwrap_or(defaults.rpc_url),
            ws_url: get("VALENCE_WS_URL").unwrap_or(defaults.ws_url),
            commitment: read(&get, "VALENCE_COMMITMENT", "processed, confirmed or finalized")?
                .unwrap_or(defaults.commitment),
            max_retries: read(&get, "VALENCE_MAX_RETRIES", "a whole number")?.unwrap_or(defaults.max_retries),
            enable_simulation: read(&get, "VALENCE_ENABLE_SIMULATION", "true or false")?
                .unwrap_or(defaults.enable_simulation),
        })
    }

    /// Whether this version attaches to the cluster, which is so for the embedded chain.
    ///
    /// # Errors
    /// [`ConfigError::UnknownCluster`] for any other.
    pub fn check_cluster(&self) -> Result<(), ConfigError> {
        match self.rpc_url.as_str() {
            "" | "local" => Ok(()),
            other => Err(ConfigError::UnknownCluster(other.to_owned())),
        }
    }
}

fn read<T: FromStr>(
    get: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    expected: &'static str,
) -> Result<Option<T>, ConfigError> {
    get(name).map(|value| value.parse().map_err(|_| ConfigError::BadVariable { name, value, expected })).transpose()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn variables_override_the_defaults() {
        let config = RuntimeConfig::from_variables(|name| match name {
            "VALENCE_MAX_RETRIES" => Some("7".into()),
            "VALENCE_COMMITMENT" => Some("finalized".into()),
            "VALENCE_ENABLE_SIMULATION" => Some("false".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(config.max_retries, 7);
        assert_eq!(config.commitment, CommitmentConfig::finalized());
        assert!(!config.enable_simulation);
        assert_eq!(config.rpc_url, "local");
    }

    #[test]
    fn a_variable_that_does_not_parse_is_named() {
        let error = RuntimeConfig::from_variables(|name| (name == "VALENCE_COMMITMENT").then(|| "max".into()));
        assert_eq!(error.unwrap_err().to_string(), "VALENCE_COMMITMENT=`max` is not processed, confirmed or finalized");
    }
}
