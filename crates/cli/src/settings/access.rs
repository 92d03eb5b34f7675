//! Headers, credentials and proxy. They are checked here and not by the command line's parser, because its
//! errors show the value.

use std::fs::File;
use std::path::PathBuf;

use dragline_engine::{ClientSettings, Credentials, ProxySetting, refused_header};

use crate::arguments::Access;
use crate::failed::Failed;

/// Adds them to the client's settings.
pub(super) fn apply(access: Access, client: ClientSettings) -> Result<ClientSettings, Failed> {
    let headers = access.header.iter().filter(|it| !it.0.trim().is_empty()).map(|it| header(&it.0));
    let auth = access.auth.iter().filter(|it| !it.0.trim().is_empty());
    let auth = auth.map(|it| credentials(&it.0));
    let proxy = access.proxy.map_or(Ok(ProxySetting::default()), |it| ProxySetting::parse(&it.0));
    Ok(ClientSettings {
        headers: headers.collect::<Result<_, _>>()?,
        auth: auth.collect::<Result<_, _>>()?,
        proxy: proxy.map_err(|problem| refused("proxy", &problem))?,
        ca_file: client.ca_file.map(readable).transpose()?,
        ..client
    })
}

/// The contents are read when the client is created, but a wrong path is an error before the run begins.
fn readable(ca_file: PathBuf) -> Result<PathBuf, Failed> {
    match File::open(&ca_file) {
        Ok(_) => Ok(ca_file),
        Err(error) => Err(refused("ca-file", &format!("{} cannot be read: {error}", ca_file.display()))),
    }
}

/// Without a scheme, the origin would be a guess, and a wrong origin never matches.
fn credentials(text: &str) -> Result<Credentials, Failed> {
    if text.split_once('=').is_some_and(|(origin, _)| !origin.contains("://")) {
        return Err(refused(
            "auth",
            "it does not begin with a scheme; write 'https://HOST=USER:PASSWORD', http://, or the scheme of \
             a proxy",
        ));
    }
    Credentials::parse(text).map_err(|problem| refused("auth", &problem))
}

fn header(text: &str) -> Result<(String, String), Failed> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(refused("header", "it has no colon; write 'NAME: VALUE'"));
    };
    let (name, value) = (name.trim(), value.trim());
    match refused_header(name, value) {
        None => Ok((name.to_owned(), value.to_owned())),
        Some(problem) => Err(refused("header", &format!("{name}: {problem}"))),
    }
}

fn refused(setting: &str, problem: &str) -> Failed {
    let key = setting.replace('-', "_");
    Failed::usage(format!("--{setting}: {problem}")).hint(format!(
        "you can set it with --{setting}, DRAGLINE_{}, or `{key}` in dragline.toml",
        key.to_uppercase()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Hidden;

    fn access() -> Access {
        Access { header: Vec::new(), auth: Vec::new(), proxy: None }
    }

    fn hidden(texts: &[&str]) -> Vec<Hidden> {
        texts.iter().map(|text| Hidden((*text).to_owned())).collect()
    }

    #[test]
    fn what_is_given_reaches_the_client() {
        let given = Access {
            header: hidden(&["X-Key:  a: b ", ""]),
            auth: hidden(&["https://shop.example=me:hunter2"]),
            proxy: Some(Hidden("socks5h://me:hunter2@p.example:1".to_owned())),
        };
        assert!(!format!("{given:?}").contains("hunter2"));
        let client = apply(given, ClientSettings::default()).unwrap();
        assert_eq!(client.headers, [("X-Key".to_owned(), "a: b".to_owned())]);
        assert_eq!(client.auth.len(), 1);
        assert!(!format!("{client:?}").contains("hunter2"), "{client:?}");
    }

    #[test]
    fn what_cannot_be_is_told_without_the_secret() {
        for (setting, wrong) in [
            ("--header", Access { header: hidden(&["hunter2"]), ..access() }),
            ("--header", Access { header: hidden(&["Authorization: hunter2"]), ..access() }),
            ("--header", Access { header: hidden(&["Cookie: hunter2"]), ..access() }),
            ("--auth", Access { auth: hidden(&["https://shop.example=hunter2"]), ..access() }),
            ("--auth", Access { auth: hidden(&["shop.example=me:hunter2"]), ..access() }),
            ("--auth", Access { auth: hidden(&["me:hunter2=x"]), ..access() }),
            ("--proxy", Access { proxy: Some(Hidden("me:hunter2@p.example".to_owned())), ..access() }),
        ] {
            let failed = apply(wrong, ClientSettings::default()).unwrap_err();
            assert!(failed.what.starts_with(setting) && !format!("{failed}").contains("hunter2"), "{failed}");
        }
        let absent = ClientSettings { ca_file: Some("absent.pem".into()), ..ClientSettings::default() };
        let failed = apply(access(), absent).unwrap_err();
        assert!(failed.what.starts_with("--ca-file: absent.pem cannot be read"), "{failed}");
    }
}
