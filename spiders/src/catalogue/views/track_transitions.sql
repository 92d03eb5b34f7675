SELECT f.playlist, f.track AS from_track, t.track AS to_track, t.position - f.position AS distance, f.position
FROM playlist_tracks f
JOIN playlist_tracks t ON t.playlist = f.playlist AND t.stretch = f.stretch
    AND t.position > f.position AND t.position <= f.position + 3
WHERE f.track IS NOT NULL AND t.track IS NOT NULL
