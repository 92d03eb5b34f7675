SELECT g.after_artists, g.after_title, g.after_version, g.distance, g.plays, g.playlists, n.artist, n.title, n.track
FROM (
    SELECT f.artist_keys AS after_artists, f.title_key AS after_title, f.version_key AS after_version,
        x.to_track, x.distance, count(*) AS plays, count(DISTINCT x.playlist) AS playlists
    FROM tracks f JOIN track_transitions x ON x.from_track = f.id
    GROUP BY f.artist_keys, f.title_key, f.version_key, x.to_track, x.distance
) g
JOIN track_names n ON n.track = g.to_track
