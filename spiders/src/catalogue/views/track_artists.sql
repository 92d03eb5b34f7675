SELECT c.track, c.artist, c.role, min(c.credit) AS place, count(*) AS plays
FROM track_credits c
WHERE c.track IS NOT NULL
GROUP BY c.track, c.artist, c.role
