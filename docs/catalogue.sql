-- The views of the DJ-mix catalogue, for Postgres and SQLite: see catalogue.md. Run this once, after the first crawl.
-- You can run it again safely: it makes the views again, and touches no table.

DROP VIEW IF EXISTS artist_sets;
DROP VIEW IF EXISTS top_transitions;
DROP VIEW IF EXISTS next_tracks;
DROP VIEW IF EXISTS track_adjacency;
DROP VIEW IF EXISTS track_transitions;
DROP VIEW IF EXISTS track_artists;
DROP VIEW IF EXISTS track_names;
DROP VIEW IF EXISTS artist_names;

-- Each artist, in the spelling that is most frequent.
CREATE VIEW artist_names AS
SELECT a.id AS artist, a.name_key,
    COALESCE((
        SELECT n.name
        FROM (
            SELECT c.name FROM track_credits c WHERE c.artist = a.id
            UNION ALL SELECT d.name FROM playlist_artists d WHERE d.artist = a.id
        ) n
        GROUP BY n.name ORDER BY count(*) DESC, n.name LIMIT 1
    ), a.name_key) AS name
FROM artists a;

-- Each track, in the spelling that is most frequent.
CREATE VIEW track_names AS
SELECT t.id AS track, t.artist_keys, t.title_key, t.version_key,
    COALESCE((
        SELECT p.artist FROM playlist_tracks p WHERE p.track = t.id
        GROUP BY p.artist ORDER BY count(*) DESC, p.artist LIMIT 1
    ), t.artist_keys) AS artist,
    COALESCE((
        SELECT p.title FROM playlist_tracks p WHERE p.track = t.id
        GROUP BY p.title ORDER BY count(*) DESC, p.title LIMIT 1
    ), t.title_key) AS title
FROM tracks t;

-- The people with a part in a track, as its lines name them. The place is the first one that a line gives.
CREATE VIEW track_artists AS
SELECT c.track, c.artist, c.role, min(c.credit) AS place, count(*) AS plays
FROM track_credits c
WHERE c.track IS NOT NULL
GROUP BY c.track, c.artist, c.role;

-- Each time that a track follows another one in a mix, at a distance of 1 to 3 positions. An unknown track counts as a position.
-- Nothing follows over a gap or from one part to the next, and tracks that play together don't follow each other.
CREATE VIEW track_transitions AS
SELECT f.playlist, f.track AS from_track, t.track AS to_track, t.position - f.position AS distance, f.position
FROM playlist_tracks f
JOIN playlist_tracks t ON t.playlist = f.playlist AND t.stretch = f.stretch
    AND t.position > f.position AND t.position <= f.position + 3
WHERE f.track IS NOT NULL AND t.track IS NOT NULL;

-- How often, and in how many mixes. `track_transitions` has the mixes themselves.
CREATE VIEW track_adjacency AS
SELECT x.from_track, x.to_track, x.distance, count(*) AS plays, count(DISTINCT x.playlist) AS playlists
FROM track_transitions x
GROUP BY x.from_track, x.to_track, x.distance;

-- What is played after a track, which you name by its keys.
CREATE VIEW next_tracks AS
SELECT g.after_artists, g.after_title, g.after_version, g.distance, g.plays, g.playlists, n.artist, n.title, n.track
FROM (
    SELECT f.artist_keys AS after_artists, f.title_key AS after_title, f.version_key AS after_version,
        x.to_track, x.distance, count(*) AS plays, count(DISTINCT x.playlist) AS playlists
    FROM tracks f JOIN track_transitions x ON x.from_track = f.id
    GROUP BY f.artist_keys, f.title_key, f.version_key, x.to_track, x.distance
) g
JOIN track_names n ON n.track = g.to_track;

-- The 100 most frequent transitions.
CREATE VIEW top_transitions AS
SELECT x.plays, x.playlists, f.artist AS from_artist, f.title AS from_title, t.artist AS to_artist, t.title AS to_title
FROM (
    SELECT a.* FROM track_adjacency a
    WHERE a.distance = 1 ORDER BY a.plays DESC, a.from_track, a.to_track LIMIT 100
) x
JOIN track_names f ON f.track = x.from_track
JOIN track_names t ON t.track = x.to_track
ORDER BY x.plays DESC, f.artist, f.title, t.artist, t.title;

-- The mixes of an artist: as the DJ, and as somebody with a part in a track that is played.
CREATE VIEW artist_sets AS
SELECT s.name_key, s.artist, s.part, s.tracks, p.id AS playlist, p.title, p.date, p.date_text, p.source_url
FROM (
    SELECT a.id AS artist, a.name_key, 'dj' AS part, 0 AS tracks, d.playlist
    FROM artists a JOIN playlist_artists d ON d.artist = a.id
    UNION ALL
    SELECT a.id AS artist, a.name_key, c.role AS part, count(*) AS tracks, c.playlist
    FROM artists a JOIN track_credits c ON c.artist = a.id
    GROUP BY a.id, a.name_key, c.role, c.playlist
) s
JOIN playlists p ON p.id = s.playlist;
