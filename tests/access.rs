//! How sites are reached: logins and their cookies, APIs, headers and credentials, proxies, TLS.

mod logins;
mod proxies;
mod quotes;
mod secure;
