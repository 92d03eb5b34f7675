SELECT a.id AS artist, a.name_key,
    COALESCE((
        SELECT n.name
        FROM (
            SELECT c.name FROM track_credits c WHERE c.artist = a.id
            UNION ALL SELECT d.name FROM playlist_artists d WHERE d.artist = a.id
        ) n
        GROUP BY n.name ORDER BY count(*) DESC, n.name LIMIT 1
    ), a.name_key) AS name
FROM artists a
