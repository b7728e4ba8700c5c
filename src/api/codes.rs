//! Every error code we answer with: HDP's documented ones, and our own from 222299001 on. A code never changes its meaning,
//! and a number that was given up is not given out again.

/// A number that clients may rely on, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The number in `error.code`.
    pub number: u32,
    /// The sentence in `error.message.value`, with `{0}` and `{1}` for what differs from case to case.
    pub message: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $message:literal;)*) => {
        $($(#[$doc])* pub const $name: Code = Code { number: $number, message: $message };)*
        /// The whole table, for documents and tests.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    // HDP's, with HDP's messages (hdp-api.md 1.5).
    /// Wrong credentials, unknown user, locked account: one answer for all.
    INVALID_CREDENTIALS = 222_206_007, "Invalid user ID or password.";
    /// Not JSON, or not the JSON we read.
    INVALID_JSON = 222_207_007, "Invalid JSON Input: {0}";
    /// No such client application, or not for you.
    NO_CLIENT_APPLICATION = 222_206_631, "Problem getting OAuth Client Application at this time. Please try again at another time.";
    /// The same where it, or what was allowed to it, was to be deleted.
    NO_CLIENT_APPLICATION_TO_DELETE = 222_206_633, "Problem deleting OAuth Client Application at this time. Please try again at another time.";
    /// The same where its secret was to be replaced.
    NO_CLIENT_APPLICATION_TO_RESET = 222_206_634, "Problem resetting OAuth Client secret at this time. Please try again at another time.";
    /// An option that a data source can't have.
    BAD_OPTION = 222_207_002, "Invalid DataSource Option: {0}.";
    /// No such data source, or not for you.
    NO_DATA_SOURCE = 222_207_004, "There is no DataSource with that id: {0}.";
    /// A connection type that there is not.
    BAD_CONNECTION_TYPE = 222_207_005, "Expected values for connectType : 'Cloud' / 'Hybrid'. Your value was {0}. Please try again with proper value.";
    /// A data source keeps its connection type.
    CONNECTION_TYPE_FIXED = 222_207_008, "connectionType is not allowed to be changed . It must remain : {0}.";
    /// No such data source to delete.
    NO_DATA_SOURCE_TO_DELETE = 222_207_011, "Invalid DataSource ID: {0}.";
    /// No such profile, or not for you.
    NO_OAUTH_PROFILE = 222_207_710, "Invalid OAuthProfileId: {0}";
    /// No such application, or not for you.
    NO_OAUTH_APP = 222_207_711, "Invalid OAuthApplicationId: {0}";
    /// No such user, or not for you.
    NO_USER = 222_207_916, "There is no User with that id: {0}.";
    /// No such role, or not for you.
    NO_ROLE = 222_207_924, "There is no Role with that id: {0}";
    /// No such data source among this user's.
    NOT_HIS_DATA_SOURCE = 222_207_926, "Datasource with id={0} does not belong to user with id={1}";
    /// A limit's value is too small or too large.
    LIMIT_OUT_OF_RANGE = 222_207_929, "Limit value not in range({0}, {1}).";
    /// The generic refusal.
    FORBIDDEN = 222_208_103, "You lack the permissions to access this url.";
    /// No such permission.
    NO_PERMISSION = 222_208_553, "There is no Permission with that id: {0}";
    /// No such tenant, or not for you.
    NO_TENANT = 222_208_573, "There is no Tenant with that id: {0}.";
    /// The same where its IP address whitelist is meant.
    NO_TENANT_OF_WHITELIST = 222_208_720, "tenant id : {0} does not exist.";

    // Ours.
    /// A required property is not there.
    MISSING_PROPERTY = 222_299_001, "The property '{0}' is required.";
    /// A property has another JSON type than it should.
    WRONG_TYPE = 222_299_002, "The property '{0}' must be {1}.";
    /// A property that nothing reads.
    UNKNOWN_PROPERTY = 222_299_003, "There is no property '{0}' here.";
    /// The type is right, the value is not.
    INVALID_VALUE = 222_299_004, "The property '{0}' can't have this value: {1}.";
    /// Valid JSON, but no object.
    NOT_AN_OBJECT = 222_299_005, "The body must be one JSON object.";
    /// A body over the limit.
    BODY_TOO_LARGE = 222_299_006, "The body is larger than the limit of {0} bytes.";
    /// Another content type than JSON.
    WRONG_CONTENT_TYPE = 222_299_007, "The body must be JSON: add -H 'Content-Type: application/json' to the request.";
    /// A query parameter that nothing reads, or that stands twice, or that can't be read.
    BAD_PARAMETER = 222_299_008, "The query parameter '{0}' {1}.";
    /// No route.
    NO_ROUTE = 222_299_009, "There is nothing at this address.";
    /// A route, but not for this method.
    WRONG_METHOD = 222_299_010, "This address does not answer to this method; the Allow header names those it answers to.";
    /// A name that has to be unique is in use.
    NAME_TAKEN = 222_299_011, "The {0} is taken.";
    /// `If-Match` does not hold any more.
    CHANGED = 222_299_013, "The object was changed since: GET it again and repeat with its ETag.";
    /// A header that can't be read.
    BAD_HEADER = 222_299_014, "The header {0} must be {1}.";
    /// An idempotency key that belongs to another request.
    KEY_REUSED = 222_299_015, "This Idempotency-Key was used for another request within the last 24 hours.";
    /// The first answer can't be given again.
    KEY_UNREADABLE = 222_299_016, "The request with this Idempotency-Key was done, but a secret of its answer is not readable any more.";
    /// Throttled.
    TOO_MANY_FAILURES = 222_299_017, "Too many failed logins. Try again after {0} s.";
    /// The writer stopped while the request was under way.
    OUTCOME_UNKNOWN = 222_299_018, "The outcome is unknown: repeat with the same Idempotency-Key, or read before repeating.";
    /// The writer does not take commands.
    NO_WRITES = 222_299_019, "Nothing can be written at the moment: {0}.";
    /// The queue to the writer is full.
    BUSY = 222_299_020, "The server is busy. Nothing was changed; try again.";
    /// `Ledger-Min-Sequence` is ahead of what can be read.
    NOT_YET = 222_299_021, "The sequence in Ledger-Min-Sequence has not been reached yet. Try again.";
    /// `Ledger-Min-Sequence` of another epoch.
    HISTORY_RESTORED = 222_299_022, "The history was restored from a backup since: the epoch is {0} now.";
    /// The request came too slowly.
    SLOW_REQUEST = 222_299_023, "The request was not received within {0} s.";
    /// The answer came too slowly.
    SLOW_ANSWER = 222_299_024, "There was no answer within {0} s. If the request was to change something, its outcome is unknown: read before repeating.";
    /// Our fault.
    INTERNAL = 222_299_025, "Something went wrong here. The X-Request-Id of this answer stands beside the reason in the server's log.";
    /// A request that another site's page made a browser send.
    CROSS_SITE = 222_299_026, "Requests from pages of other sites are refused.";
    /// Right password, inactive account.
    ACCOUNT_INACTIVE = 222_299_027, "This account is inactive.";
    /// Right password, but too old.
    PASSWORD_EXPIRED = 222_299_028, "The password of this account has expired.";
    /// Right password, but temporary.
    PASSWORD_MUST_CHANGE = 222_299_029, "The password of this account is temporary and has to be changed first.";
    /// A request line and headers over the limit.
    HEAD_TOO_LARGE = 222_299_030, "The request line and headers are larger than the limit of {0} bytes.";
    /// One command would record too much.
    TOO_MUCH_AT_ONCE = 222_299_031, "This would change too much at once: {0}.";
    /// The log is still being opened.
    STARTING = 222_299_032, "The server is starting: the log is being opened and checked. Try again.";
    /// No such data store.
    NO_DATA_STORE = 222_299_033, "There is no DataStore with that id: {0}.";
    /// HDP's, and not ours: it needs what we don't do.
    NOT_IMPLEMENTED = 222_299_034, "This operation of Hybrid Data Pipeline is not offered here: {0}.";
    /// A data source with too much in it.
    OPTIONS_TOO_LARGE = 222_299_035, "The options of a data source are limited to {0} bytes of names and values, and to {1} options.";
    /// Nothing happened to such an object, or nothing that you may read.
    NO_HISTORY = 222_299_036, "There is no history of {0}.";
    /// No snapshot of that size.
    NO_SNAPSHOT = 222_299_037, "There is no snapshot of {0} events.";
    /// One at a time.
    SNAPSHOT_BUSY = 222_299_038, "A snapshot is being taken or checked. Ask again when that is done.";
    /// An address that no list lets in.
    ADDRESS_REFUSED = 222_299_039, "Requests from this address are not let in.";
    /// No such entry of the CORS whitelist.
    NO_CORS_ORIGIN = 222_299_040, "There is no entry of the CORS whitelist with that id: {0}.";
    /// No such limit, or not at this level.
    NO_LIMIT = 222_299_041, "There is no limit with that id at this level: {0}.";
    /// Nothing of its own here.
    NOT_SET = 222_299_042, "There is no {0} of its own here.";
    /// Something of its own here already.
    SET_ALREADY = 222_299_043, "There is a {0} of its own here already: PUT changes it.";
    /// No such configuration.
    NO_CONFIGURATION = 222_299_044, "There is no configuration with that id: {0}.";
    /// No such password policy.
    NO_PASSWORD_POLICY = 222_299_045, "There is no password policy with that id: {0}.";
    /// Others need it.
    IN_USE = 222_299_046, "This can't be done while {0}.";
    /// Nobody would hold 12.
    LAST_ADMINISTRATOR = 222_299_047, "This would take Administrator (12) from the last active user who holds it: give it to another one first.";
    /// Every ledger has it.
    PREDEFINED = 222_299_048, "This is predefined: {0}.";
    /// A tenant's share reaches all its users.
    SHARED_WITH_TENANT = 222_299_049, "The data source is shared with the tenant of this user already, and so with him.";
    /// An IP address whitelist without its sender.
    SHUTS_OUT = 222_299_051, "This list would shut you out: the address that your request came from is not on it. Add it, or send the request from the server itself.";
    /// Unknown, over, ended, or for another resource.
    INVALID_TOKEN = 222_299_052, "Invalid Token Error: the access token is unknown, has expired, was ended, or is for another resource.";
    /// A scope is missing.
    INSUFFICIENT_SCOPE = 222_299_053, "The access token is not good for this: it needs the scope {0}.";
    /// No token does.
    NOT_BY_TOKEN = 222_299_054, "No access token is good for this: send user name and password.";
    /// A token where it may not stand (RFC 6750).
    TOKEN_MISPLACED = 222_299_055, "An access token is sent once, in one Authorization header, and never in the URL.";
    /// The caller does not know his password.
    WRONG_CURRENT_PASSWORD = 222_299_050, "The current password is not right.";
    /// The disk does not give back what it holds.
    STORAGE = 222_299_012, "The server's storage can't be read at the moment. If the request was to change something, its outcome is unknown: read before repeating.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ours_start_at_222299001_without_gaps() {
        let mut numbers: Vec<u32> = ALL.iter().map(|code| code.number).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        let ours: Vec<u32> = numbers.into_iter().filter(|number| *number > 222_299_000).collect();
        let expected: Vec<u32> = (222_299_001..).take(ours.len()).collect();
        assert_eq!(ours, expected);
    }

    #[test]
    fn the_readme_lists_every_code() {
        let mut codes = ALL.to_vec();
        codes.sort_unstable_by_key(|code| code.number);
        let rows = codes.iter().map(|code| format!("| {} | {} |", code.number, code.message));
        crate::readme::has_table("## Error codes", "| 2", rows);
    }
}
