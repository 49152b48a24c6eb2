"""What embeds the photographs of a catalogue: processes of this machine, or the machines of a Ray cluster."""
