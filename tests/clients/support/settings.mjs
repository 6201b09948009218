// Settings documents, in the vocabulary of `user_settings`. Each is whole: what is not named is off.

const EMAIL = {
  enabled: true,
  required: true,
  used_for_first_factor: true,
  verifications: ['email_code'],
  verify_at_sign_up: true,
};
const PHONE = {
  enabled: true,
  required: true,
  used_for_first_factor: true,
  verifications: ['phone_code'],
  verify_at_sign_up: true,
};
const USERNAME = { enabled: true, required: true, used_for_first_factor: true };
const PASSWORD = { enabled: true, required: true };
const OPTIONAL_NAME = { enabled: true, required: false };

export const EMAIL_AND_PASSWORD = document({ email_address: EMAIL, password: PASSWORD });

export const EMAIL_PASSWORD_AND_NAME = document({ email_address: EMAIL, password: PASSWORD, first_name: OPTIONAL_NAME });

export const EMAIL_ONLY = document({ email_address: EMAIL });

export const PHONE_ONLY = document({ phone_number: PHONE });

export const EMAIL_AND_USERNAME = document({ email_address: EMAIL, username: USERNAME });

const SECOND = { enabled: true, used_for_second_factor: true };

export const WITH_SECOND_FACTORS = document({
  email_address: EMAIL,
  password: PASSWORD,
  authenticator_app: { ...SECOND, second_factors: ['totp'] },
  backup_code: { ...SECOND, second_factors: ['backup_code'] },
});

const EMAIL_LINK = { ...EMAIL, verifications: ['email_link'] };

export const EMAIL_BY_LINK = document({ email_address: EMAIL_LINK });

/** The link proves the address; a password is wanted beside it. */
export const EMAIL_BY_LINK_AND_PASSWORD = document({ email_address: EMAIL_LINK, password: PASSWORD });

/** One mail with both; the link for whoever reads it in the same browser, the code for all others. */
export const EMAIL_BY_LINK_OR_CODE = document({ email_address: { ...EMAIL, verifications: ['email_link', 'email_code'] } });

/** Whoever opens the link may confirm it; the session is for the browser that asked. */
export const EMAIL_BY_LINK_ANYWHERE = {
  ...EMAIL_BY_LINK,
  attack_protection: { email_link: { require_same_client: false } },
};

export const USERNAME_AND_PASSWORD = document({ username: USERNAME, password: PASSWORD });

/** Three identifiers, gathered one after the other; the first name may stay away. */
export const PHONE_EMAIL_AND_USERNAME = document({
  phone_number: PHONE,
  email_address: EMAIL,
  username: USERNAME,
  first_name: OPTIONAL_NAME,
});

export const WITH_LEGAL_CONSENT = document(
  { email_address: EMAIL, password: PASSWORD },
  { legal_consent_enabled: true },
);

export const EVERYTHING = document(
  {
    email_address: EMAIL,
    phone_number: PHONE,
    username: USERNAME,
    password: PASSWORD,
    first_name: OPTIONAL_NAME,
    last_name: OPTIONAL_NAME,
  },
  { legal_consent_enabled: true },
);

/** Only the invited may sign up; everything else is asked as ever. */
export const BY_INVITATION = document({ email_address: EMAIL, password: PASSWORD }, { mode: 'restricted' });

export const WITH_WAITLIST = document({ email_address: EMAIL, password: PASSWORD }, { mode: 'waitlist' });

/** Everybody waits for the application's backend. */
export const WITH_CUSTOM_ACTION = document(
  { email_address: EMAIL, password: PASSWORD },
  { custom_action_required: true },
);

function document(attributes, signUp = {}) {
  return { attributes, sign_up: { mode: 'public', progressive: true, ...signUp } };
}
