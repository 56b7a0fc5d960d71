/// RFC 3339 date and time.
enum Timestamp {
    /// Returns the seconds since 1970 of `2024-05-01T12:00:00.5Z`, also with an offset such as `+02:00`, or nil for
    /// another form. Fractions of a second are cut off.
    static func seconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] | 0x20 == 0x74, bytes[13] == 0x3A,
            bytes[16] == 0x3A, let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
            let second = number(bytes[17..<19]), (1...12).contains(month), (1...31).contains(day), hour < 24,
            minute < 60, second < 61, let shift = offset(bytes[19...])
        else { return nil }
        return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - shift
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    private static func offset(_ text: ArraySlice<UInt8>) -> Int64? {
        var rest = text
        if rest.first == 0x2E { rest = rest.dropFirst().drop { (0x30...0x39).contains($0) } }
        guard let sign = rest.first else { return nil }
        if sign | 0x20 == 0x7A { return rest.count == 1 ? 0 : nil }
        let zone = Array(rest.dropFirst())
        guard sign == 0x2B || sign == 0x2D, zone.count == 5, zone[2] == 0x3A, let hours = number(zone[0..<2]),
            let minutes = number(zone[3..<5])
        else { return nil }
        return (hours * 3600 + minutes * 60) * (sign == 0x2D ? -1 : 1)
    }

    /// Returns the days since 1970-01-01 in the Gregorian calendar. Years begin in March, so that the leap day is the
    /// last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }
}
