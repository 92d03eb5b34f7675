//! Questions to a real server.

use serde_json::json;

use super::*;

fn ask(sql: &str, parameters: &Json) -> Result<Json, SqlError> {
    let database = dragline_testkit::database();
    let described = SqlDatabase::at("x", "").statement("one", sql).with_max_rows(5);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answers = PostgresAnswers::new(&described, &database.url()).unwrap();
        let rows = answers.ask("one", parameters.as_array().unwrap()).await;
        answers.connections.close().await;
        rows.map(|rows| serde_json::from_str(&rows.json).unwrap())
    })
}

#[test]
fn the_server_reads_a_value_by_the_type_of_its_parameter() {
    let sql = "SELECT $1::int + 1 AS number, $2::text AS text, $3::date + 1 AS day, $4::numeric * 2 AS price,
            $5::uuid AS id, $6::boolean AS truth, $7::text IS NULL AS is_null, $8::jsonb->'a' AS json, \
            'b' = ANY($9::text[]) AS is_there, $10::timestamptz AS moment -- the end";
    let id = "00000000-0000-0000-0000-00000000000a";
    let given = json!([41, "it's \"x\"", "2026-02-28", "1.25", id, true, null, {"a": [1]}, ["a", "b"], "2026-11-30T20:00:00Z"]);
    let expected = json!([{
        "number": 42, "text": "it's \"x\"", "day": "2026-03-01", "price": 2.5, "id": id, "truth": true, "is_null": true,
        "json": [1], "is_there": true, "moment": "2026-11-30T20:00:00+00:00",
    }]);
    assert_eq!(ask(sql, &given), Ok(expected));
}

#[test]
fn rows_keep_their_order_and_have_their_limit() {
    let numbers = "WITH n AS (SELECT generate_series(1, $1) AS i) SELECT i FROM n ORDER BY i DESC";
    assert_eq!(ask(numbers, &json!([3])), Ok(json!([{"i": 3}, {"i": 2}, {"i": 1}])));
    assert_eq!(ask(numbers, &json!([0])), Ok(json!([])));
    assert!(ask(numbers, &json!([5])).is_ok());
    assert!(matches!(ask(numbers, &json!([6])), Err(SqlError::TooMuch(told)) if told.contains("5 rows")));
}

#[test]
fn what_the_server_refuses_is_told_with_what_to_do() {
    for (sql, parameters, expected) in [
        ("SELEC 1", json!([]), "mend the statement"),
        ("SELECT 1; SELECT 2", json!([]), "mend the statement"),
        ("SELECT $1::int", json!(["x"]), "cannot work with this parameter"),
        ("SELECT $1::int", json!([]), "has 1 parameters, and the look-up gives 0"),
        ("CREATE TABLE t (a int)", json!([]), "mend the statement"),
        ("SELECT * FROM missing", json!([]), "compare the statement with the tables"),
    ] {
        match ask(sql, &parameters) {
            Err(SqlError::Refused(told)) => assert!(told.contains(expected), "{sql}: {told}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}
