//! Vectors for forms, with what a browser would send.

use super::*;
use crate::stored_page::StoredPage;

const URL: &str = "http://a.example/dir/page?old=1#part";

fn page(html: &str) -> Page {
    StoredPage::new(URL, html.to_owned()).page().unwrap()
}

/// The request of a form with these fields.
fn sent(fields: &str) -> String {
    let request = page(&format!("<form>{fields}</form>")).form("form").unwrap().submit().unwrap();
    request.url().query().unwrap_or_default().to_owned()
}

#[test]
fn fields_are_sent_as_the_standard_says() {
    for (fields, expected) in [
        // Text, and fields without a name.
        ("<input name=a value=1><input value=2><input name='' value=3>", "a=1"),
        ("<input name=a><input name=b type=nonsense value=x>", "a=&b=x"),
        ("<input name=a value='x y&z=ä'>", "a=x+y%26z%3D%C3%A4"),
        ("<textarea name=a>\none\ntwo</textarea>", "a=one%0D%0Atwo"),
        ("<input name=a type=RANGE><input name=b type=color>", "a=50&b=%23000000"),
        // Boxes and radio buttons.
        ("<input type=checkbox name=a><input type=checkbox name=b checked>", "b=on"),
        (
            "<input type=checkbox name=a value=1 checked><input type=checkbox name=a value=2 checked>",
            "a=1&a=2",
        ),
        ("<input type=radio name=a value=1><input type=radio name=a value=2>", ""),
        ("<input type=radio name=a value=1 checked><input type=radio name=a value=2 checked>", "a=2"),
        // Choices.
        ("<select name=a><option>one  thing<option value=2>two</select>", "a=one+thing"),
        ("<select name=a><option>1<option selected>2<option selected>3</select>", "a=3"),
        ("<select name=a><option disabled>1<option>2</select>", "a=2"),
        ("<select name=a><optgroup disabled><option>1</optgroup><option>2</select>", "a=2"),
        ("<select name=a><option disabled selected>choose<option>2</select>", ""),
        ("<select name=a size=3><option>1<option>2</select>", ""),
        ("<select name=a multiple><option>1<option selected>2<option selected>3</select>", "a=2&a=3"),
        ("<select name=a multiple><option>1</select>", ""),
        ("<select name=a></select>", ""),
        // Disabled fields.
        ("<input name=a value=1 disabled>", ""),
        (
            "<fieldset disabled><legend><input name=a></legend><legend><input name=b></legend><input name=c></fieldset>",
            "a=",
        ),
        ("<datalist><input name=a></datalist><input name=b>", "b="),
        // Buttons: the first one is clicked, and has its place among the fields.
        (
            "<input name=a><button name=b value=1>x</button><button name=c>y</button><input name=d>",
            "a=&b=1&d=",
        ),
        ("<button type=button name=a>x</button><input type=reset name=b><input type=submit name=c>", "c="),
        ("<button name=a disabled>x</button><button name=b>y</button>", "b="),
        ("<input type=image name=a>", "a.x=0&a.y=0"),
        ("<input type=image>", "x=0&y=0"),
        ("<button>x</button>", ""),
        // Special ones.
        (
            "<input type=hidden name=_charset_ value=x><input name=_charset_ value=y>",
            "_charset_=UTF-8&_charset_=y",
        ),
        ("<input type=file name=a>", "a="),
    ] {
        assert_eq!(sent(fields), expected, "{fields}");
    }
}

#[test]
fn a_form_is_submitted_to_where_it_says() {
    let to = |attributes: &str, button: &str| {
        let html = format!(
            "<base href=/base/><form {attributes}><input name=a value=1><button {button}>x</button></form>"
        );
        let request = page(&html).form("form").unwrap().submit().unwrap();
        let body = String::from_utf8(request.body().unwrap_or_default().to_vec()).unwrap();
        (format!("{} {}", request.method(), request.url()), body)
    };
    let get = |text: &str| (format!("GET {text}"), String::new());
    assert_eq!(to("", ""), get("http://a.example/dir/page?a=1#part"));
    assert_eq!(to("action=''", ""), get("http://a.example/dir/page?a=1#part"));
    assert_eq!(to("action='there?x=2'", ""), get("http://a.example/base/there?a=1"));
    assert_eq!(to("action=/there method=PUT", ""), get("http://a.example/there?a=1"));
    let posted = |text: &str, body: &str| (format!("POST {text}"), body.to_owned());
    assert_eq!(to("action='there?x=2' method=POST", ""), posted("http://a.example/base/there?x=2", "a=1"));
    assert_eq!(to("action=/a", "formaction=/b formmethod=post"), posted("http://a.example/b", "a=1"));
    let plain = "method=post enctype=TEXT/plain action=/p";
    assert_eq!(to(plain, ""), posted("http://a.example/p", "a=1\r\n"));
    assert_eq!(to(plain, "formenctype=x"), posted("http://a.example/p", "a=1"));
}

#[test]
fn what_leads_nowhere_says_so() {
    for (attributes, told) in [
        ("action=mailto:me", "leads nowhere: mailto:me has the scheme \"mailto\""),
        ("action='http://['", "leads nowhere"),
        ("method=dialog", "closes a dialog of the page and sends nothing"),
    ] {
        let form = page(&format!("<form {attributes}>")).form("form").unwrap();
        let error = form.submit().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let page = page("<div id=login></div>");
    assert_eq!(page.form("form").unwrap_err().to_string(), "nothing on the page matches \"form\"");
    assert_eq!(page.form("#login").unwrap_err().to_string(), "\"#login\" matches an element div, not a form");
}

#[test]
fn a_field_belongs_to_the_form_that_it_names_or_stands_in() {
    let html = "<form id=one><input name=a></form><form id=two><input name=b><input name=c form=one></form>
                <input name=d form=one><input name=e form=none><input name=f>";
    let names = |form: &str| -> Vec<String> {
        page(html).form(form).unwrap().fields().iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    assert_eq!((names("#one"), names("#two")), (vec!["a".into(), "c".into(), "d".into()], vec!["b".into()]));
    // Old pages open a form between two rows.
    let table =
        "<table><form id=f action=/x><tr><td><input name=a value=1></td></tr></form></table><input name=b>";
    let request = page(table).form("#f").unwrap().submit().unwrap();
    assert_eq!(request.url().as_str(), "http://a.example/x?a=1");
}

#[test]
fn fields_are_filled_in_chosen_and_ticked() {
    let html = "<form><input name=user><input type=hidden name=token value=t>
        <select name=size><option>S<option>M</select><select name=tag multiple><option>x<option>y<option selected>z</select>
        <input type=radio name=pay value=card checked><input type=radio name=pay value=cash>
        <input type=checkbox name=opt value=1><input type=checkbox name=opt value=2 checked>
        <button name=save>Save</button><button name=go value=1>Go on</button></form>";
    let form = || page(html).form("form").unwrap();
    let query = |form: Form| form.submit().unwrap().url().query().unwrap().to_owned();
    let filled = form().with_field("user", "ann").with_field("size", "M").with_field("tag", "x");
    let filled = filled.with_field("pay", "cash").with_field("opt", "1");
    let filled = filled.with_extra_field("js", "1").with_button("go");
    assert_eq!(query(filled), "user=ann&token=t&size=M&tag=x&tag=z&pay=cash&opt=1&opt=2&go=1&js=1");
    let cleared =
        form().without_choices("opt").without_choices("tag").with_field("tag", "y").without_button();
    assert_eq!(query(cleared), "user=&token=t&size=S&tag=y&pay=card");
    assert!(query(form().with_button("Go on")).ends_with("&go=1"));

    let told = |form: Form| form.submit().unwrap_err().to_string();
    assert_eq!(
        told(form().with_field("size", "XL")),
        "the field \"size\" of the form \"form\" has no choice \"XL\"; it has S, M"
    );
    assert!(told(form().with_field("pay", "gold")).ends_with("it has card, cash"));
    assert!(
        told(form().with_field("nmae", "x"))
            .ends_with("has no field \"nmae\"; it has user, token, size, tag, pay, opt")
    );
    assert!(told(form().without_choices("none")).contains("has no field"));
    assert!(told(form().with_button("Buy")).ends_with("has no button \"Buy\"; it has save, go"));
    assert!(
        told(page("<form></form>").form("form").unwrap().with_field("a", "b"))
            .ends_with("it has no field at all")
    );
}

#[test]
fn fields_are_written_in_the_forms_encoding() {
    let html = |attributes: &str| format!("<form {attributes}><input name=a value='ä&#8364;&#1044;'></form>");
    let query = |html: &str, kind: &str| {
        let stored = StoredPage::new(URL, encoding_rs::WINDOWS_1252.encode(html).0.into_owned())
            .with_content_type(kind);
        stored.page().unwrap().form("form").unwrap().submit().unwrap().url().query().unwrap().to_owned()
    };
    // Windows-1252 knows ä and the Euro, but no Д.
    assert_eq!(query(&html(""), "text/html; charset=iso-8859-1"), "a=%E4%80%26%231044%3B");
    let utf_8 = "a=%C3%A4%E2%82%AC%D0%94";
    assert_eq!(query(&html("accept-charset='none UTF-8 koi8-r'"), "text/html; charset=iso-8859-1"), utf_8);
    assert_eq!(query(&html("accept-charset=none"), "text/html; charset=iso-8859-1"), utf_8);
}

#[test]
fn a_multipart_body_is_the_same_each_time() {
    let html = "<form method=post enctype=multipart/form-data><input name='a\"b' value='1'><input type=file name=f></form>";
    let submit = || page(html).form("form").unwrap().submit().unwrap();
    let request = submit();
    assert_eq!(request, submit());
    let (_, kind) = &request.headers()[0];
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n--{boundary}\r\nContent-Disposition: \
         form-data; name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--{boundary}--\r\n"
    );
    assert_eq!(request.body(), Some(expected.as_bytes()));
}

#[test]
fn the_request_belongs_to_the_session_of_the_page() {
    let mut response =
        crate::Response::stored(Request::get(URL).unwrap().with_session("ann"), "<form><button>x</button>");
    response.status = 200;
    let request = Page::new(response).form("form").unwrap().submit().unwrap();
    assert_eq!(request.session(), Some("ann"));
}
