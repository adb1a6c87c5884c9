-- One row per flight: what was known two hours before its scheduled departure, and whether it left late.
--
-- Tables in:  flights, weather, planes (data/*.parquet, as imported).
-- Rows out:   key flight_id, event time predicted_at (UTC), label departed_late, known at label_known_at.
-- The rule:   a feature of a row may use only what had happened by its predicted_at. The leak test cuts
--             the tables at that moment, runs this file again and expects the same values.
WITH schedule AS (
  SELECT
    carrier || flight || '-' || strftime(make_date(year, month, day), '%Y-%m-%d') || '-' || origin AS flight_id,
    carrier, origin, dest, distance, tailnum, dep_delay,
    time_hour + to_minutes(minute) AS scheduled_departure
  FROM flights
),
times AS (
  SELECT
    *,
    scheduled_departure - INTERVAL 2 HOUR AS predicted_at,
    scheduled_departure + INTERVAL 15 MINUTE AS lateness_known_at,
    timezone('America/New_York', scheduled_departure) AS local_departure
  FROM schedule
),
-- Fifteen minutes after its scheduled departure everybody at the airport can see whether a flight has
-- left. One that has not is late, whether it leaves later or never: who could tell by then?
departures AS (
  SELECT
    origin,
    lateness_known_at AS known_at,
    count(*) AS flights,
    count(*) FILTER (dep_delay IS NULL OR dep_delay >= 15) AS late
  FROM times
  GROUP BY origin, known_at
),
totals AS (
  SELECT
    origin,
    known_at,
    sum(flights) OVER up_to_now AS flights,
    sum(late) OVER up_to_now AS late
  FROM departures
  WINDOW up_to_now AS (PARTITION BY origin ORDER BY known_at)
),
recent AS (
  SELECT
    times.*,
    (now_.late - coalesce(before.late, 0)) / nullif(now_.flights - coalesce(before.flights, 0), 0) AS late_share_3h
  FROM times
  ASOF LEFT JOIN totals AS now_ ON now_.origin = times.origin AND now_.known_at <= times.predicted_at
  ASOF LEFT JOIN totals AS before
    ON before.origin = times.origin AND before.known_at <= times.predicted_at - INTERVAL 3 HOUR
)
SELECT
  flight_id,
  predicted_at,
  scheduled_departure,
  -- A cancelled flight never gets a label.
  CASE WHEN dep_delay IS NOT NULL THEN lateness_known_at END AS label_known_at,
  dep_delay >= 15 AS departed_late,
  -- schedule
  extract(hour FROM local_departure)::INTEGER AS local_hour,
  (extract(hour FROM local_departure) * 60 + extract(minute FROM local_departure))::INTEGER AS minute_of_day,
  extract(isodow FROM local_departure)::INTEGER AS day_of_week,
  carrier,
  recent.origin,
  dest,
  distance,
  -- plane: in the register for about 85 % of the flights
  planes.year AS plane_year,
  planes.type AS plane_type,
  planes.engine AS plane_engine,
  planes.seats AS plane_seats,
  -- the last weather report of the airport at or before the prediction
  weather.temp,
  weather.dewp,
  weather.humid,
  weather.wind_dir,
  weather.wind_speed,
  weather.wind_gust,
  weather.precip,
  weather.pressure,
  weather.visib,
  date_diff('minute', weather.time_hour, predicted_at)::INTEGER AS weather_age_minutes,
  -- how the airport's day is going
  late_share_3h
FROM recent
LEFT JOIN planes ON planes.tailnum = recent.tailnum
ASOF LEFT JOIN weather ON weather.origin = recent.origin AND weather.time_hour <= recent.predicted_at
ORDER BY predicted_at, flight_id
