//! Names whose values are secret.

/// Words that make a name secret, wherever they are in it: `token`, `access_token`, `X-Auth-Token`, `accessToken2`.
const WORDS: [&str; 33] = [
    "apikey",
    "auth",
    "authentication",
    "authorisation",
    "authorization",
    "bearer",
    "cookie",
    "cred",
    "credential",
    "csrf",
    "hmac",
    "jwt",
    "key",
    "nonce",
    "otp",
    "pass",
    "passcode",
    "passkey",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "pw",
    "pwd",
    "secret",
    "sessid",
    "session",
    "sid",
    "sig",
    "signature",
    "token",
    "totp",
    "xsrf",
];

/// Words that are secret also at the end of another: `dbpassword`, `authtoken`, `PHPSESSID`, `clientsecret`. None of them ends
/// an everyday word.
const ENDS: [&str; 15] = [
    "accesskey",
    "apikey",
    "authkey",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "sessid",
    "sessionid",
    "signature",
    "signingkey",
    "token",
];

/// Whether the value of this name is secret. A name is an argument, a parameter of a URL, a header or a setting. Its words
/// decide, so `keyword`, `monkey`, `author` and `tokenize` are not secret.
///
/// ```
/// use dragline_spider::secrets::is_secret_name;
///
/// assert!(["token", "api_key", "X-Auth-Token", "accessToken", "PHPSESSID"].into_iter().all(is_secret_name));
/// assert!(!["tag", "keyword", "author", "passenger"].into_iter().any(is_secret_name));
/// ```
pub fn is_secret_name(name: &str) -> bool {
    words(name).iter().any(|word| is_secret_word(word))
}

/// Words that also have an everyday meaning: the key of a song, a session of parliament, the signature of a bar, the id of
/// a station. Their values are hidden, but they may say what is crawled.
const AMBIGUOUS: [&str; 6] = ["key", "nonce", "session", "sid", "sig", "signature"];

/// Words that make a credential of such a word: `api_key`, `key_secret`, `session_id`, `request signature`.
const QUALIFIERS: [&str; 22] = [
    "access",
    "account",
    "api",
    "app",
    "application",
    "client",
    "consumer",
    "crypto",
    "customer",
    "developer",
    "encryption",
    "id",
    "licence",
    "license",
    "login",
    "master",
    "private",
    "public",
    "request",
    "service",
    "signing",
    "user",
];

/// Whether this name is that of a credential and of nothing else, so its value can't say what is crawled. All of these names are
/// [secret](is_secret_name). The value of `key` and `session` is secret too, but it may be a key of music, or a session of parliament.
///
/// ```
/// use dragline_spider::secrets::is_credential_name;
///
/// assert!(["token", "api_key", "password", "sessionId"].into_iter().all(is_credential_name));
/// assert!(!["key", "sort_key", "session", "keyword"].into_iter().any(is_credential_name));
/// ```
pub fn is_credential_name(name: &str) -> bool {
    let words = words(name);
    let is_ambiguous = |word: &str| is_one_of(&AMBIGUOUS, word);
    words.iter().any(|word| is_secret_word(word) && !is_ambiguous(word))
        || words.iter().any(|word| is_ambiguous(word))
            && words.iter().any(|word| is_one_of(&QUALIFIERS, word))
}

/// Whether a word by itself makes a name secret.
fn is_secret_word(word: &str) -> bool {
    let one = word.strip_suffix('s').unwrap_or(word);
    is_one_of(&WORDS, word) || ENDS.iter().any(|end| one.ends_with(end))
}

/// Whether the word, or the one that it is the plural of, is on the list.
fn is_one_of(list: &[&str], word: &str) -> bool {
    list.contains(&word) || word.strip_suffix('s').is_some_and(|one| list.contains(&one))
}

/// The words of a name, in lower case and without a number at the end: those of `my_key`, `my-key`, `myKey`, `MYKey2`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map(|before| chars[before]);
        let begins_after_lower = c.is_uppercase() && before.is_some_and(char::is_lowercase);
        // The last capital of several begins a word if a small letter follows: `APIKey`.
        let ends_capitals = c.is_uppercase()
            && before.is_some_and(char::is_uppercase)
            && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if begins_after_lower || ends_capitals {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.iter().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_of_a_name_decide() {
        for secret in [
            "auth",
            "authorization",
            "Authorization",
            "Proxy-Authorization",
            "pwd",
            "passwd",
            "password",
            "pass",
            "passphrase",
            "cookie",
            "Cookie",
            "Set-Cookie",
            "cookies",
            "token",
            "tokens",
            "key",
            "keys",
            "apikey",
            "api_key",
            "apiKey",
            "APIKey",
            "X-Api-Key",
            "access_token",
            "accessToken",
            "accesstoken",
            "secret",
            "client_secret",
            "clientsecret",
            "credential",
            "credentials",
            "session",
            "sessionid",
            "session_id",
            "PHPSESSID",
            "jsessionid",
            "sid",
            "sig",
            "signature",
            "X-Amz-Signature",
            "bearer",
            "db_password",
            "dbpassword",
            "password2",
            "user.pass",
            "private-key",
            "MY_TOKEN",
            "user[password]",
            "otp",
        ] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for plain in [
            "keyword",
            "keywords",
            "monkey",
            "author",
            "authors",
            "tokenize",
            "tokenizer",
            "tag",
            "page",
            "passenger",
            "compass",
            "bypass",
            "sightseeing",
            "design",
            "assign",
            "sessions_held_in",
            "turkey",
            "hockey",
            "user",
            "url",
            "start_urls",
            "limit",
            "sidebar",
            "aside",
            "cookieless",
            "",
            "secretary",
            "passport",
            "authentic",
            "keyboard",
            "keynote",
            "Keyword",
            "tokenizer_lang",
            "passage",
            "authored_by",
            "crediting",
            "signal",
            "siding",
            "cookiecutter",
            "secretariat",
        ] {
            // `sessions` is a word of its own.
            assert_eq!(is_secret_name(plain), plain == "sessions_held_in", "{plain}");
        }
    }
    #[test]
    fn a_credential_says_nothing_about_what_is_crawled() {
        let credentials = [
            "password",
            "passwd",
            "pass",
            "pwd",
            "token",
            "accessToken",
            "api_key",
            "apiKey",
            "APIKey",
            "apikey",
            "X-Api-Key",
            "private_key",
            "client_secret",
            "secret",
            "auth",
            "authorization",
            "credential",
            "credentials",
            "cookie",
            "session_id",
            "sessionId",
            "PHPSESSID",
            "session_token",
            "licence_keys",
            "jwt",
            "otp",
            "clientsecret",
        ];
        for name in credentials {
            assert!(is_credential_name(name) && is_secret_name(name), "{name}");
        }
        for name in [
            "key",
            "keys",
            "sort_key",
            "keyStage",
            "session",
            "sessions",
            "session_year",
            "signature",
            "sid",
            "sig",
        ] {
            assert!(
                !is_credential_name(name) && is_secret_name(name),
                "{name}: hidden, but not a credential for sure"
            );
        }
        for name in ["keyword", "monkey", "author", "tokenizer", "tag", "secretary", "user", "api", "id", ""]
        {
            assert!(!is_credential_name(name) && !is_secret_name(name), "{name}");
        }
    }
}
