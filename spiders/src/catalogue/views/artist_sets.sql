SELECT s.name_key, s.artist, s.part, s.tracks, p.id AS playlist, p.title, p.date, p.date_text, p.source_url
FROM (
    SELECT a.id AS artist, a.name_key, 'dj' AS part, 0 AS tracks, d.playlist
    FROM artists a JOIN playlist_artists d ON d.artist = a.id
    UNION ALL
    SELECT a.id AS artist, a.name_key, c.role AS part, count(*) AS tracks, c.playlist
    FROM artists a JOIN track_credits c ON c.artist = a.id
    GROUP BY a.id, a.name_key, c.role, c.playlist
) s
JOIN playlists p ON p.id = s.playlist
