import CLinux
import Linux

/// The moment that labels name: now, or SOURCE_DATE_EPOCH.
package struct BuildTime: Sendable {
    /// Seconds since 1970.
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// RFC 3339 in UTC, as `timestamp` gives it; nil for anything else.
    package init?(timestamp text: String) {
        let parts = text.split(whereSeparator: { "-T:Z".contains($0) }).map(String.init)
        let numbers = parts.compactMap { Int32($0.prefix { $0 != "." }) }
        let ranges: [ClosedRange<Int32>] = [1...9999, 1...12, 1...31, 0...23, 0...59, 0...60]
        guard text.hasSuffix("Z"), parts.count == 6, numbers.count == 6,
            zip(ranges, numbers).allSatisfy({ $0.contains($1) })
        else { return nil }
        var moment = tm()
        (moment.tm_year, moment.tm_mon, moment.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (moment.tm_hour, moment.tm_min, moment.tm_sec) = (numbers[3], numbers[4], numbers[5])
        seconds = Int64(timegm(&moment))
    }

    /// `Monday_23_November_2026_22:54:11_UTC`: numbers without leading zeros, in the caller's time zone.
    package var label: String {
        let time = CalendarTime(local: seconds) ?? CalendarTime(universal: seconds)
        let (weekday, month) = (CalendarTime.weekdays[Int(time.weekday)], CalendarTime.months[Int(time.month) - 1])
        return "\(weekday)_\(time.day)_\(month)_\(time.year)_\(time.hour):\(time.minute):\(time.second)_\(time.zone)"
    }

    /// RFC 3339, in UTC.
    package var timestamp: String { universalTimeText(seconds) }
}
