//! Country codes (ISO 3166-1), and common other ways to write a country.

/// Whether this is a two-letter code of a country with phone numbers. Case does not matter.
pub(super) fn is_country(code: &str) -> bool {
    let code = code.to_ascii_uppercase();
    pairs().any(|(two, _)| two == code) || OF_NUMBERS.contains(&code.as_str())
}

/// The code that was probably meant by text that is no code.
pub(super) fn meant(written: &str) -> Option<&'static str> {
    let letters: String = written.chars().filter(char::is_ascii_alphabetic).collect();
    let letters = letters.to_ascii_uppercase();
    let found = pairs().find(|(two, three)| *two == letters || *three == letters).map(|(two, _)| two);
    found.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == letters).map(|(_, two)| *two))
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    CODES.split(", ").filter_map(|pair| pair.split_once(' '))
}

/// Territories with their own phone numbers and a code that ISO has reserved or left to users: Ascension, Tristan da
/// Cunha and Kosovo.
const OF_NUMBERS: [&str; 3] = ["AC", "TA", "XK"];

/// Other codes: from sports, the European Union and everyday use.
const ALIASES: [(&str, &str); 24] = [
    ("UK", "GB"),
    ("EN", "GB"),
    ("ENG", "GB"),
    ("ENGLAND", "GB"),
    ("GREATBRITAIN", "GB"),
    ("UNITEDKINGDOM", "GB"),
    ("AMERICA", "US"),
    ("UNITEDSTATES", "US"),
    ("EL", "GR"),
    ("GRE", "GR"),
    ("GER", "DE"),
    ("GERMANY", "DE"),
    ("SUI", "CH"),
    ("NED", "NL"),
    ("HOL", "NL"),
    ("POR", "PT"),
    ("DEN", "DK"),
    ("CRO", "HR"),
    ("BUL", "BG"),
    ("SLO", "SI"),
    ("UAE", "AE"),
    ("KSA", "SA"),
    ("RSA", "ZA"),
    ("PRC", "CN"),
];

/// Two-letter and three-letter codes.
const CODES: &str = "AD AND, AE ARE, AF AFG, AG ATG, AI AIA, AL ALB, AM ARM, AO AGO, AQ ATA, AR ARG, AS ASM, AT AUT, AU AUS, \
     AW ABW, AX ALA, AZ AZE, BA BIH, BB BRB, BD BGD, BE BEL, BF BFA, BG BGR, BH BHR, BI BDI, BJ BEN, BL BLM, \
     BM BMU, BN BRN, BO BOL, BQ BES, BR BRA, BS BHS, BT BTN, BV BVT, BW BWA, BY BLR, BZ BLZ, CA CAN, CC CCK, \
     CD COD, CF CAF, CG COG, CH CHE, CI CIV, CK COK, CL CHL, CM CMR, CN CHN, CO COL, CR CRI, CU CUB, CV CPV, \
     CW CUW, CX CXR, CY CYP, CZ CZE, DE DEU, DJ DJI, DK DNK, DM DMA, DO DOM, DZ DZA, EC ECU, EE EST, EG EGY, \
     EH ESH, ER ERI, ES ESP, ET ETH, FI FIN, FJ FJI, FK FLK, FM FSM, FO FRO, FR FRA, GA GAB, GB GBR, GD GRD, \
     GE GEO, GF GUF, GG GGY, GH GHA, GI GIB, GL GRL, GM GMB, GN GIN, GP GLP, GQ GNQ, GR GRC, GS SGS, GT GTM, \
     GU GUM, GW GNB, GY GUY, HK HKG, HM HMD, HN HND, HR HRV, HT HTI, HU HUN, ID IDN, IE IRL, IL ISR, IM IMN, \
     IN IND, IO IOT, IQ IRQ, IR IRN, IS ISL, IT ITA, JE JEY, JM JAM, JO JOR, JP JPN, KE KEN, KG KGZ, KH KHM, \
     KI KIR, KM COM, KN KNA, KP PRK, KR KOR, KW KWT, KY CYM, KZ KAZ, LA LAO, LB LBN, LC LCA, LI LIE, LK LKA, \
     LR LBR, LS LSO, LT LTU, LU LUX, LV LVA, LY LBY, MA MAR, MC MCO, MD MDA, ME MNE, MF MAF, MG MDG, MH MHL, \
     MK MKD, ML MLI, MM MMR, MN MNG, MO MAC, MP MNP, MQ MTQ, MR MRT, MS MSR, MT MLT, MU MUS, MV MDV, MW MWI, \
     MX MEX, MY MYS, MZ MOZ, NA NAM, NC NCL, NE NER, NF NFK, NG NGA, NI NIC, NL NLD, NO NOR, NP NPL, NR NRU, \
     NU NIU, NZ NZL, OM OMN, PA PAN, PE PER, PF PYF, PG PNG, PH PHL, PK PAK, PL POL, PM SPM, PN PCN, PR PRI, \
     PS PSE, PT PRT, PW PLW, PY PRY, QA QAT, RE REU, RO ROU, RS SRB, RU RUS, RW RWA, SA SAU, SB SLB, SC SYC, \
     SD SDN, SE SWE, SG SGP, SH SHN, SI SVN, SJ SJM, SK SVK, SL SLE, SM SMR, SN SEN, SO SOM, SR SUR, SS SSD, \
     ST STP, SV SLV, SX SXM, SY SYR, SZ SWZ, TC TCA, TD TCD, TF ATF, TG TGO, TH THA, TJ TJK, TK TKL, TL TLS, \
     TM TKM, TN TUN, TO TON, TR TUR, TT TTO, TV TUV, TW TWN, TZ TZA, UA UKR, UG UGA, UM UMI, US USA, UY URY, \
     UZ UZB, VA VAT, VC VCT, VE VEN, VG VGB, VI VIR, VN VNM, VU VUT, WF WLF, WS WSM, YE YEM, YT MYT, ZA ZAF, \
     ZM ZMB, ZW ZWE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_two_letters_are_countries_and_others_are_led_to_them() {
        assert_eq!(pairs().count(), 249);
        assert!(pairs().all(|(two, three)| two.len() == 2 && three.len() == 3));
        assert!(ALIASES.iter().all(|(alias, two)| !is_country(alias) && is_country(two)));
        for code in ["US", "gb", "De", "XK", "AC", "BQ"] {
            assert!(is_country(code), "{code}");
        }
        for (written, code) in [
            ("USA", Some("US")),
            ("U.S.", Some("US")),
            (" us ", Some("US")),
            ("UK", Some("GB")),
            ("deu", Some("DE")),
            ("GER", Some("DE")),
            ("EL", Some("GR")),
            ("United Kingdom", Some("GB")),
            ("EU", None),
            ("ZZ", None),
            ("+1", None),
            ("", None),
        ] {
            assert!(!is_country(written), "{written}");
            assert_eq!(meant(written), code, "{written}");
        }
    }
}
