use std::io::{self, Read, Write};

use events::envelope::Envelope;

use crate::{
    client_applications::{ClientApplications, ClientApplicationsChanges},
    cors::{Cors, CorsChanges},
    data_sources::{DataSources, DataSourcesChanges},
    digest::{DigestWriter, StateDigest},
    grants::{Grants, GrantsChanges},
    idempotency::{Idempotency, IdempotencyChanges},
    ip_whitelists::{IpWhitelists, IpWhitelistsChanges},
    limits::{Limits, LimitsChanges},
    log::{Log, LogChanges},
    oauth_apps::{OAuthApps, OAuthAppsChanges},
    oauth_profiles::{OAuthProfiles, OAuthProfilesChanges},
    roles::{Roles, RolesChanges},
    rows::{RowReader, RowWriter, RowsError},
    settings::{Settings, SettingsChanges},
    streams::{Streams, StreamsChanges},
    tenants::{Tenants, TenantsChanges},
    tokens::{Retired, Tokens, TokensChanges},
    users::{Users, UsersChanges},
};

macro_rules! state {
    ($($(#[$doc:meta])* $field:ident: $projection:ident, $changes:ident;)*) => {
        /// All projections together: a base, or a layer over one.
        #[derive(Debug, Default)]
        pub struct State<'base> {
            $($(#[$doc])* pub $field: $projection<'base>,)*
        }

        /// What a layer changed in all projections.
        #[derive(Debug)]
        pub struct Changes {
            $($field: $changes,)*
        }

        impl State<'_> {
            /// Folds the next event in. The caller hands events over in the order of their sequences.
            pub fn apply(&mut self, envelope: &Envelope) {
                $(self.$field.apply(envelope);)*
            }

            /// An empty layer over this base.
            pub fn layer(&self) -> State<'_> {
                State { $($field: self.$field.layer(),)* }
            }

            /// What this layer changed.
            pub fn into_changes(self) -> Changes {
                Changes { $($field: self.$field.into_changes(),)* }
            }

            /// Moves a layer's changes into this base.
            pub fn absorb(&mut self, changes: Changes) {
                $(self.$field.absorb(changes.$field);)*
            }

            /// Names of the primary tables and their numbers of rows, in the order of the digest. It visits every row.
            pub fn counts(&self) -> Vec<(&'static str, u64)> {
                let mut counts = Vec::new();
                $(self.$field.count(&mut counts);)*
                counts
            }

            /// Commits to every row of every primary table (DESIGN 7). Two states with the same digest answer alike.
            pub fn digest(&self) -> StateDigest {
                let mut digest = DigestWriter::default();
                self.write(&mut digest).expect("hashing doesn't fail");
                digest.finish()
            }

            /// Writes every row of every primary table, in the bytes that the digest hashes (FORMAT.md, "Snapshot").
            pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
                let mut rows = RowWriter::new(out);
                $(self.$field.write(&mut rows)?;)*
                Ok(())
            }
        }

        impl State<'static> {
            /// The state whose rows [`State::write`] wrote, with all indexes. Whether the rows are true only their digest can
            /// tell.
            pub fn load(input: &mut dyn Read) -> Result<Self, RowsError> {
                let mut rows = RowReader::new(input);
                $(let $field = $projection::load(&mut rows)?;)*
                rows.finish()?;
                Ok(Self { $($field,)* })
            }
        }
    };
}

impl Changes {
    /// Takes out what may leave the base later, a slice at a time, by [`State::drop_retired`]: nobody can tell the difference but
    /// by the digest.
    pub fn take_retired(&mut self, most: usize) -> Retired {
        self.tokens.take_retired(most)
    }
}

impl State<'static> {
    /// Removes up to `most` rows of what [`Changes::take_retired`] took out.
    pub fn drop_retired(&mut self, retired: &mut Retired, most: usize) {
        self.tokens.drop_retired(retired, most);
    }
}

// The order below is the digest's; adding or moving one is a new digest version.
state! {
    /// The log's own facts, and counters.
    log: Log, LogChanges;
    /// Heads of streams.
    streams: Streams, StreamsChanges;
    /// Remembered requests.
    idempotency: Idempotency, IdempotencyChanges;
    /// Tenants.
    tenants: Tenants, TenantsChanges;
    /// Roles.
    roles: Roles, RolesChanges;
    /// Users.
    users: Users, UsersChanges;
    /// OAuth applications.
    oauth_apps: OAuthApps, OAuthAppsChanges;
    /// OAuth profiles.
    oauth_profiles: OAuthProfiles, OAuthProfilesChanges;
    /// Data sources.
    data_sources: DataSources, DataSourcesChanges;
    /// Limits.
    limits: Limits, LimitsChanges;
    /// Configurations and the password policy.
    settings: Settings, SettingsChanges;
    /// Addresses that requests may come from.
    ip_whitelists: IpWhitelists, IpWhitelistsChanges;
    /// Sites whose pages may call the API.
    cors: Cors, CorsChanges;
    /// Client applications.
    client_applications: ClientApplications, ClientApplicationsChanges;
    /// What users allowed them.
    grants: Grants, GrantsChanges;
    /// Codes and tokens.
    tokens: Tokens, TokensChanges;
}
