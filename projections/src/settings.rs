//! Settings of the whole system that are changed while it runs: configurations, and the custom password policy.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{ConfigurationId, Sequence},
    setting::PasswordPolicySet,
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// A configuration's value, where one was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// As HDP writes it; `None` is its `null`.
    pub value: Option<String>,
    /// The event that last changed it.
    pub changed: Sequence,
}

/// The custom password policy as it was last set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// What it says.
    pub policy: PasswordPolicySet,
    /// The event that last changed it.
    pub changed: Sequence,
}

projection! {
    /// All settings that were ever set.
    Settings, SettingsChanges {
        primary {
            /// By number.
            configurations: ConfigurationId => Arc<Configuration>;
            /// One row under `()`; none while it was never set.
            password_policy: () => Arc<PasswordPolicy>;
        }
        index {}
    }
}

impl Settings<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let changed = envelope.header.sequence;
        match &envelope.event {
            Event::ConfigurationSet(set) => {
                let configuration = Configuration { value: set.value.clone(), changed };
                self.configurations.put(set.configuration, Arc::new(configuration));
            }
            Event::PasswordPolicySet(set) => {
                self.password_policy.put((), Arc::new(PasswordPolicy { policy: set.clone(), changed }));
            }
            Event::CorsOriginSet(_)
            | Event::CorsOriginRemoved(_)
            | facts!(ledger)
            | facts!(tenant)
            | facts!(role)
            | facts!(user)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(client_application)
            | facts!(grant)
            | facts!(token)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(ip_whitelist) => {}
        }
    }
}
