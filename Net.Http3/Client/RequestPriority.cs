using Net.Http3.Messages;

namespace Net.Http3.Client;

/// <summary>How much a request matters beside others of its connection (RFC 9218).</summary>
public static class RequestPriority
{
    /// <summary>Sets the request's <c>priority</c> field, which the server's scheduler follows, and ours for the request's content.</summary>
    /// <param name="request">Not sent yet.</param>
    /// <param name="urgency">0 (first) to 7 (last); 3 unless something else is said.</param>
    /// <param name="incremental">Its response is of use in parts: it takes turns with others of this urgency, instead of one after the other.</param>
    /// <exception cref="ArgumentOutOfRangeException">The urgency is out of range.</exception>
    public static void SetPriority(this HttpRequestMessage request, int urgency, bool incremental = false)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfNegative(urgency);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(urgency, 7);
        request.Headers.Remove("priority");
        if (new Priority(urgency, incremental).ToString() is { Length: > 0 } field)
        {
            request.Headers.TryAddWithoutValidation("priority", field);
        }
    }
}
