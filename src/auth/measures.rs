//! How attempts to log in end, in numbers. Of whom, and from where, they don't tell.

use events::id::UserId;

use super::authenticate::AuthError;
use crate::metrics::{Cache, Counter, EncodeLabelSet, EncodeLabelValue, Family, LabelValueEncoder, Registry};

/// How an attempt ended. Unknown name, wrong password and locked account are one, as they are in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Ending {
    Admitted,
    Wrong,
    Inactive,
    PasswordExpired,
    MustChangePassword,
    Throttled,
    Busy,
    Failed,
}

impl Ending {
    /// Every ending, so that each stands there from the beginning: a rate needs a first value.
    const ALL: [Self; 8] = [
        Self::Admitted,
        Self::Wrong,
        Self::Inactive,
        Self::PasswordExpired,
        Self::MustChangePassword,
        Self::Throttled,
        Self::Busy,
        Self::Failed,
    ];

    pub(super) fn of(judged: &Result<UserId, AuthError>) -> Self {
        match judged {
            Ok(_) => Self::Admitted,
            Err(AuthError::WrongCredentials { .. }) => Self::Wrong,
            Err(AuthError::Inactive { .. }) => Self::Inactive,
            Err(AuthError::PasswordExpired { .. }) => Self::PasswordExpired,
            Err(AuthError::MustChangePassword { .. }) => Self::MustChangePassword,
            Err(AuthError::Throttled { .. }) => Self::Throttled,
            Err(AuthError::Busy) => Self::Busy,
            Err(AuthError::Vault(_) | AuthError::Hash(_)) => Self::Failed,
        }
    }
}

impl EncodeLabelValue for Ending {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        EncodeLabelValue::encode(
            &match self {
                Self::Admitted => "admitted",
                Self::Wrong => "wrong",
                Self::Inactive => "inactive",
                Self::PasswordExpired => "password_expired",
                Self::MustChangePassword => "must_change_password",
                Self::Throttled => "throttled",
                Self::Busy => "busy",
                Self::Failed => "failed",
            },
            encoder,
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Login {
    outcome: Ending,
}

/// Numbers of one authenticator.
pub(super) struct Measures {
    logins: Family<Login, Counter>,
    locks: Counter,
    looks: Cache,
}

impl Measures {
    pub(super) fn new() -> Self {
        let logins = Family::<Login, Counter>::default();
        for outcome in Ending::ALL {
            drop(logins.get_or_create(&Login { outcome }));
        }
        Self { logins, locks: Counter::default(), looks: Cache::default() }
    }

    pub(super) fn ended(&self, outcome: Ending) {
        self.logins.get_or_create(&Login { outcome }).inc();
    }

    /// An account was locked.
    pub(super) fn locked(&self) {
        self.locks.inc();
    }

    /// Somebody with a password was looked up among those verified lately.
    pub(super) fn looked(&self, found: bool) {
        self.looks.looked(found);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("logins", "Credentials judged, by how that ended", self.logins.clone());
        registry.register("account_locks", "Accounts locked after wrong passwords", self.locks.clone());
        self.looks.register(
            registry,
            "credential_cache",
            "Credentials that had been verified lately",
            "Credentials that had to be compared by Argon2",
        );
    }
}
