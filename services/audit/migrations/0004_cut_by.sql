-- Who cut the answer of a call: 'rule', 'budget', or '' when nobody did. Of calls that ended before it was indexed it is not known.
ALTER TABLE call ADD COLUMN cut_by text;
