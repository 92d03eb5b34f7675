SELECT x.from_track, x.to_track, x.distance, count(*) AS plays, count(DISTINCT x.playlist) AS playlists
FROM track_transitions x
GROUP BY x.from_track, x.to_track, x.distance
