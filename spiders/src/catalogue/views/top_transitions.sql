SELECT x.plays, x.playlists, f.artist AS from_artist, f.title AS from_title, t.artist AS to_artist, t.title AS to_title
FROM (
    SELECT a.* FROM track_adjacency a
    WHERE a.distance = 1 ORDER BY a.plays DESC, a.from_track, a.to_track LIMIT 100
) x
JOIN track_names f ON f.track = x.from_track
JOIN track_names t ON t.track = x.to_track
ORDER BY x.plays DESC, f.artist, f.title, t.artist, t.title
