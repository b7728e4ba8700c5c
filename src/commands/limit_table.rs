//! The limits there are (hdp-api 7.1): HDP's numbers, names and bounds, and ours for number 8 (hdp-api 9.27).
//!
//! What limits queries for data means nothing here, because there are none: it is stored and answered, marked as without
//! effect, so that an installation that is moved here keeps its numbers and nobody believes that they hold.

use events::id::LimitId;

/// Where a limit may have a value of its own, by HDP's number in `validForLimits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// The system alone.
    System = 1,
    /// The system, tenants and users.
    Users = 11,
    /// The system, tenants, users and data sources.
    All = 15,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct LimitKind {
    /// HDP's number.
    pub id: LimitId,
    /// As HDP spells it.
    pub name: &'static str,
    /// What it limits.
    pub description: &'static str,
    /// What it counts, where that is a unit.
    pub unit: Option<&'static str>,
    /// Least value.
    pub min: u64,
    /// Greatest value.
    pub max: u64,
    /// What holds where no level has a value.
    pub default: u64,
    /// Where it may be set.
    pub levels: Levels,
    /// Whether anything here goes by it.
    pub effective: bool,
}

/// Where HDP's pages give no bound.
const MANY: u64 = 1_000_000_000;

macro_rules! limits {
    ($($constant:ident = $id:literal $name:literal $unit:expr, $range:expr, default $default:literal, $levels:ident, effective $effective:literal, $description:literal;)*) => {
        $(#[doc = $description] pub const $constant: LimitId = LimitId($id);)*

        /// Every limit, in the order of ids.
        pub const LIMITS: &[LimitKind] = &[$(LimitKind {
            id: $constant,
            name: $name,
            description: $description,
            unit: $unit,
            min: *$range.start(),
            max: *$range.end(),
            default: $default,
            levels: Levels::$levels,
            effective: $effective,
        },)*];
    };
}

limits! {
    MAX_FETCH_ROWS = 1 "MaxFetchRows" Some("rows"), (1..=9_000_000_000_000_000_000), default 9_000_000_000_000_000_000, All, effective false,
        "Maximum number of rows that a single query may fetch.";
    PASSWORD_LOCKOUT_INTERVAL = 2 "PasswordLockoutInterval" Some("s"), (1..=1_000_000_000), default 900, System, effective true,
        "The time, in seconds, within which failed logins in a row are counted.";
    PASSWORD_LOCKOUT_LIMIT = 3 "PasswordLockoutLimit" None, (0..=1_000_000), default 3, System, effective true,
        "How many failed logins in a row lock an account; 0 locks none.";
    PASSWORD_LOCKOUT_PERIOD = 4 "PasswordLockoutPeriod" Some("s"), (1..=221_000_000_000), default 1800, System, effective true,
        "The time, in seconds, for which a locked account stays locked.";
    CORS_BEHAVIOR = 5 "CORSBehavior" None, (0..=2), default 0, System, effective true,
        "Whether pages of other sites may call the API: 0 none, 1 those of every site, 2 those of the sites on the CORS whitelist.";
    ODATA_MAX_CONCURRENT_PAGING_QUERIES = 6 "ODataMaxConcurrentPagingQueries" None, (0..=MANY), default 0, All, effective false,
        "Maximum number of OData queries at a time that cause paging, for each data source; 0 is no maximum.";
    OAUTH_ACCESS_TOKEN_LIFETIME = 8 "OAuthAccessTokenLifetime" Some("min"), (1..=1440), default 60, System, effective true,
        "The lifetime, in minutes, of OAuth access tokens; a client application may have a shorter one.";
    XDBC_MAX_RESPONSE = 15 "XdbcMaxResponse" Some("KB"), (1..=MANY), default 900, All, effective false,
        "The approximate size, in KB, of a page of a result for JDBC and ODBC.";
    SQL_AUDITING = 21 "SQLAuditing" None, (0..=1), default 0, All, effective false,
        "Whether SQL statements are recorded: 0 no, 1 yes.";
    SQL_AUDITING_RETENTION_DAYS = 22 "SQLAuditingRetentionDays" Some("days"), (1..=MANY), default 30, System, effective false,
        "How many days recorded SQL statements are kept.";
    SQL_AUDITING_MAX_AGE = 23 "SQLAuditingMaxAge" Some("s"), (1..=MANY), default 60, System, effective false,
        "The time, in seconds, after which recorded SQL statements are written at the latest.";
    ODATA_MAX_CONCURRENT_REQUESTS = 24 "ODataMaxConcurrentRequests" None, (0..=MANY), default 0, Users, effective false,
        "Maximum number of OData requests of one user at a time, on each server; 0 is no maximum.";
    ODATA_MAX_WAITING_REQUESTS = 25 "ODataMaxWaitingRequests" None, (0..=MANY), default 0, Users, effective false,
        "Maximum number of OData requests of one user that wait, on each server; 0 is no maximum.";
}

/// The table's row of that id.
pub fn by_id(id: LimitId) -> Option<&'static LimitKind> {
    LIMITS.iter().find(|limit| limit.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_every_default_is_in_its_range() {
        assert!(LIMITS.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(LIMITS.iter().all(|limit| (limit.min..=limit.max).contains(&limit.default)));
        let ids: Vec<u16> = LIMITS.iter().map(|limit| limit.id.0).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6, 8, 15, 21, 22, 23, 24, 25]);
        assert_eq!(CORS_BEHAVIOR, crate::auth::origin::CORS_BEHAVIOR);
    }

    #[test]
    fn what_has_an_effect_is_as_documented() {
        let effective: Vec<u16> = LIMITS.iter().filter(|row| row.effective).map(|row| row.id.0).collect();
        assert_eq!(effective, [2, 3, 4, 5, 8]);
    }
}
