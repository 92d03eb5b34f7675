//! Countries, as the titles of mixes name them behind a city or a club.

/// Those whose names are also names of cities are left out.
const COUNTRIES: &str = "Argentina, Australia, Austria, Belgium, Bolivia, Brazil, Bulgaria, Canada, Chile, China, Colombia, \
    Costa Rica, Croatia, Cyprus, Czech Republic, Denmark, Ecuador, Egypt, England, Estonia, Finland, \
    France, Germany, Greece, Hungary, Iceland, India, Indonesia, Ireland, Israel, Italy, Japan, Latvia, \
    Lebanon, Lithuania, Malta, Mexico, Montenegro, Morocco, Netherlands, New Zealand, Northern Ireland, \
    Norway, Peru, Philippines, Poland, Portugal, Romania, Russia, Scotland, Serbia, Slovakia, Slovenia, \
    South Africa, South Korea, Spain, Sweden, Switzerland, Thailand, The Netherlands, Tunisia, Turkey, \
    UK, USA, Ukraine, United Kingdom, United States, Uruguay, Venezuela, Vietnam, Wales";

/// Whether this is the name of a country.
pub(crate) fn is_country(name: &str) -> bool {
    COUNTRIES.split(", ").any(|country| country == name)
}
