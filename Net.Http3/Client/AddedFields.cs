namespace Net.Http3.Client;

/// <summary>What a handler has put among the fields of a caller's message: before another handler gets the message, it goes again.</summary>
internal sealed class AddedFields(HttpRequestMessage request)
{
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds a field, unless the message has one of this name.</summary>
    public void TryAdd(string name, string? value)
    {
        if (!request.Headers.NonValidated.Contains(name) && request.Headers.TryAddWithoutValidation(name, value))
        {
            _names.Add(name);
        }
    }

    /// <summary>Removes a field that was added here; one that its caller has set stays.</summary>
    public void Remove(string name)
    {
        if (_names.Remove(name))
        {
            request.Headers.Remove(name);
        }
    }

    /// <summary>Leaves the message with the fields that its caller gave it.</summary>
    public void TakeBack()
    {
        foreach (string name in _names)
        {
            request.Headers.Remove(name);
        }

        _names.Clear();
    }
}
