SELECT t.id AS track, t.artist_keys, t.title_key, t.version_key,
    COALESCE((
        SELECT p.artist FROM playlist_tracks p WHERE p.track = t.id
        GROUP BY p.artist ORDER BY count(*) DESC, p.artist LIMIT 1
    ), t.artist_keys) AS artist,
    COALESCE((
        SELECT p.title FROM playlist_tracks p WHERE p.track = t.id
        GROUP BY p.title ORDER BY count(*) DESC, p.title LIMIT 1
    ), t.title_key) AS title
FROM tracks t
