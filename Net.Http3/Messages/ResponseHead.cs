using System.Globalization;
using Net.Http3.Wire;

namespace Net.Http3.Messages;

/// <summary>The head of a response, interim or final (RFC 9114, section 4.3.2).</summary>
/// <param name="Status">100 to 999, but not 101 (RFC 9114, section 4.5).</param>
/// <param name="Headers">Without pseudo-headers.</param>
internal sealed record ResponseHead(int Status, FieldSection Headers)
{
    /// <summary>Announced body bytes; -1 when not announced.</summary>
    public long ContentLength { get; private init; } = -1;

    public bool IsInterim => Status < 200;

    /// <summary>Whether it announces content where none may be announced (RFC 9110, sections 8.6 and 15.3.6).</summary>
    public bool AnnouncesTooMuch => (IsInterim || Status == 204) ? ContentLength >= 0 : Status == 205 && ContentLength > 0;

    /// <summary>Whether a response with this status ends with its head: it has neither a body nor trailers (RFC 9110, sections 15.2, 15.3.5 and 15.4.5).</summary>
    public static bool HasNoBody(int status) => status is < 200 or 204 or 304;

    /// <summary>Validates a received field section.</summary>
    public static Http3Error TryRead(FieldSection fields, out ResponseHead? head)
    {
        head = null;
        string? status = null;
        FieldSection regular = new();
        foreach (Field field in fields)
        {
            if (field.Name.StartsWith(':'))
            {
                if (field.Name != ":status" || status is not null || regular.Count > 0)
                {
                    return Http3Error.Message("a pseudo-header that is unknown, repeated or behind a regular field");
                }

                status = field.Value;
                continue;
            }

            if (FieldRules.Check(field) is { IsError: true } error)
            {
                return error;
            }

            regular.Add(field.Name, field.Value);
        }

        if (status is not { Length: 3 } || !int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            || number is < 100 or 101)
        {
            return Http3Error.Message("no valid :status");
        }

        if (!FieldRules.TryContentLength(regular, out long length))
        {
            return Http3Error.Message("content-length is malformed or repeated");
        }

        head = new(number, regular) { ContentLength = length };
        return Http3Error.None;
    }

    /// <summary>All fields as they are sent, checked.</summary>
    /// <param name="date">For a final response without one; <c>null</c>: there is no clock.</param>
    /// <param name="contentLength">Announced body bytes; -1 when not announced.</param>
    /// <exception cref="ArgumentException">The head is malformed, or announces content where there is none.</exception>
    public FieldSection ToSoundFields(Func<string>? date, out long contentLength)
    {
        FieldSection fields = ToFields();
        Http3Error error = TryRead(fields, out ResponseHead? sound);
        if (error.IsError)
        {
            throw new ArgumentException(error.Reason);
        }

        if (sound!.AnnouncesTooMuch)
        {
            throw new ArgumentException("content-length with a status that has no content");
        }

        contentLength = sound.ContentLength;
        if (date is not null && !IsInterim && Headers["date"] is null)
        {
            fields.Add("date", date());
        }

        return fields;
    }

    /// <summary>All fields as they are sent, the status first.</summary>
    public FieldSection ToFields()
    {
        FieldSection fields = new(new Field(":status", Status.ToString(CultureInfo.InvariantCulture)));
        foreach (Field field in Headers)
        {
            fields.Add(field.Name, field.Value);
        }

        return fields;
    }
}
