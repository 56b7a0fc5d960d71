import CLinux

/// A moment in the Gregorian calendar.
package struct CalendarTime: Sendable {
    package let year: Int64
    /// From 1.
    package let month: Int64
    package let day: Int64
    package let hour: Int64
    package let minute: Int64
    package let second: Int64
    /// 0 is Sunday.
    package let weekday: Int64
    /// The zone's short name.
    package let zone: String

    package static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    package static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// - Parameter seconds: since 1970, in UTC.
    ///
    /// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years or 146097 days.
    package init(universal seconds: Int64) {
        let rest = (seconds % 86400 + 86400) % 86400
        let days = seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0)
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
        // The first day of 1970 was a Thursday.
        weekday = ((days % 7) + 11) % 7
        zone = "UTC"
    }

    /// In the local time zone; localtime_r(3).
    /// - Returns: nil for a year that `tm` cannot hold.
    package init?(local seconds: Int64) {
        var time = time_t(seconds)
        var parts = tm()
        guard localtime_r(&time, &parts) != nil else { return nil }
        (year, month, day) = (Int64(parts.tm_year) + 1900, Int64(parts.tm_mon) + 1, Int64(parts.tm_mday))
        (hour, minute, second) = (Int64(parts.tm_hour), Int64(parts.tm_min), Int64(parts.tm_sec))
        weekday = Int64(parts.tm_wday)
        zone = parts.tm_zone.map { String(cString: $0) } ?? "UTC"
    }

    /// `2024-05-01`; a year has four digits or more.
    package var date: String {
        let digits = String(year.magnitude)
        let padded = (year < 0 ? "-" : "") + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
        return "\(padded)-\(twoDigits(month))-\(twoDigits(day))"
    }

    /// `12:00:00`.
    package var clock: String { "\(twoDigits(hour)):\(twoDigits(minute)):\(twoDigits(second))" }
}

/// Returns `07` for 7.
package func twoDigits(_ number: Int64) -> String { (number < 10 ? "0" : "") + String(number) }

/// `2024-05-01 12:00:00` in the local time zone.
package func localTimeText(_ seconds: Int64) -> String {
    guard let time = CalendarTime(local: seconds) else { return "-" }
    return "\(time.date) \(time.clock)"
}

/// `2024-05-01T12:00:00Z`; RFC 3339. The first second of 1970 for a year that does not fit into 32 bits.
package func universalTimeText(_ seconds: Int64) -> String {
    let time = CalendarTime(universal: seconds)
    guard Int32(exactly: time.year) != nil else { return universalTimeText(0) }
    return "\(time.date)T\(time.clock)Z"
}
